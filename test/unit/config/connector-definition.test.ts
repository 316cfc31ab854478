/** The JSON of `aws greengrass create-connector-definition`, literally and in its variations. */
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../../src/config/load.ts'
import { SPECIFICATION_EXAMPLE } from '../../support/destinations/specification-example.ts'
import { temporaryFile } from '../../support/disk/temporary-file.ts'

const ours = (version: number | string, parameters: object = {}, region = 'us-west-2') => ({
  Id: 'analytics',
  ConnectorArn: `arn:aws:greengrass:${region}::/connectors/IoTAnalytics/versions/${version}`,
  Parameters: { MemorySize: '65535', ...parameters },
})
const NO_DESTINATION =
  'Messages stay in the local store: AWS IoT Analytics, where the connector definition would have sent them, was shut down on 2025-12-15. Set destinations to send them on.'
const SNS = {
  Id: 'sns',
  ConnectorArn: 'arn:aws:greengrass:us-west-2::/connectors/SNS/versions/4',
  Parameters: { DefaultSNSArn: 'arn:aws:sns:us-west-2:1:t' },
}

async function load(t: TestContext, definition: unknown) {
  const text = typeof definition === 'string' ? definition : JSON.stringify(definition, null, 2)
  const file = await temporaryFile(t, 'connectors.json', text)
  return loadConfig({ connectorDefinition: file, environment: {} })
}

async function refusal(t: TestContext, definition: unknown): Promise<string> {
  const text = typeof definition === 'string' ? definition : JSON.stringify(definition, null, 2)
  const file = await temporaryFile(t, 'connectors.json', text)
  const thrown: unknown = await loadConfig({ connectorDefinition: file, environment: {} }).catch(
    (error: unknown) => error,
  )
  assert(thrown instanceof Error, 'expected the definition to be refused')
  return thrown.message.replaceAll(`${dirname(file)}/`, '')
}

test('the specification’s own example loads, value by value', async (t) => {
  const { config, notices } = await load(t, SPECIFICATION_EXAMPLE)

  assert.deepEqual(config.parameters, {
    memoryBytes: 65_535 * 1024,
    publishRegion: 'us-west-1',
    publishIntervalMs: 2_000,
    maxActiveChannels: 25,
    queueDropBehavior: 'DROP_OLDEST',
    queueSizePerChannel: 1028,
    batchSizePerChannel: 5,
    defaultChannelName: 'my_channel',
    binaryPayloadEncoding: 'raw',
    statusReports: 'all',
  })
  assert.deepEqual(notices, [NO_DESTINATION])
})

test('the whole input of the CLI, what the API gives back and the bare array mean the same', async (t) => {
  const connectors = [ours(2)]
  const forms = [
    { Name: 'MyGreengrassConnectors', InitialVersion: { Connectors: connectors } },
    { Connectors: connectors },
    { Arn: 'arn:…', Definition: { Connectors: connectors }, Version: '…' },
    connectors,
  ]

  const loaded = await Promise.all(forms.map((form) => load(t, form)))

  for (const { config } of loaded) assert.deepEqual(config, loaded[0]?.config)
})

test('versions 1 to 4 are known, others are not', async (t) => {
  for (const version of [1, 2, 3, 4]) await load(t, [ours(version)])

  assert.equal(
    await refusal(t, [ours(5)]),
    'connectors.json:4:21: expected a version from 1 to 4 of the connector, got 5',
  )
})

test('other connectors are named and skipped', async (t) => {
  const { notices } = await load(t, [SNS, ours(2)])

  assert.deepEqual(notices, [
    'Connector SNS is skipped (arn:aws:greengrass:us-west-2::/connectors/SNS/versions/4).',
    NO_DESTINATION,
  ])
})

test('IsolationMode of version 4 is noted and checked', async (t) => {
  const { notices } = await load(t, [ours(4, { IsolationMode: 'NoContainer' })])

  assert.match(notices[0] ?? '', /^IsolationMode NoContainer has no effect/)
  assert.equal(
    await refusal(t, [ours(4, { IsolationMode: 'Docker' })]),
    'connectors.json:7:24: expected GreengrassContainer or NoContainer, got "Docker"',
  )
  assert.equal(
    await refusal(t, [ours(3, { IsolationMode: 'NoContainer' })]),
    'connectors.json:7:24: IsolationMode exists since version 4; this is version 3',
  )
})

test('without PublishRegion the Region of the ARN is used', async (t) => {
  const regionOf = async (definition: unknown) =>
    (await load(t, definition)).config.parameters.publishRegion

  assert.equal(await regionOf([ours(2, {}, 'eu-west-1')]), 'eu-west-1')
  assert.equal(await regionOf([ours(2, { PublishRegion: '' }, 'eu-west-1')]), 'eu-west-1')
  assert.equal(await regionOf([ours(2, { PublishRegion: 'us-east-1' })]), 'us-east-1')
  assert.equal(await regionOf([ours(2, {}, 'region')]), undefined)
})

test('MemorySize is required', async (t) => {
  const text = 'expected MemorySize, which a connector definition must give'

  const heading = 'The configuration has a problem:\n  parameters.MemorySize (connectors.json'
  assert.equal(await refusal(t, [ours(2, { MemorySize: '' })]), `${heading}:6:21): ${text}`)
  assert.equal(await refusal(t, [ours(2, { MemorySize: undefined })]), `${heading}:5:19): ${text}`)
})

test('a definition without MemorySize shows its other mistakes too', async (t) => {
  const message = await refusal(t, [ours(2, { MemorySize: undefined, PublishInterval: 'soon' })])

  assert.match(message, /^The configuration has 2 problems:/)
  assert.match(message, /parameters\.MemorySize .*: expected MemorySize/)
  assert.match(message, /parameters\.PublishInterval .*, got "soon"/)
})

test('wrong parameters are reported with their line in the file', async (t) => {
  const message = await refusal(t, [
    ours(2, { IotAnalyticsBatchSizePerChanel: '5', PublishInterval: 'x' }),
  ])

  assert.deepEqual(message.split('\n'), [
    'The configuration has 2 problems:',
    '  parameters.PublishInterval (connectors.json:8:26): expected a whole number from 0 to 2147483, got "x"',
    '  parameters.IotAnalyticsBatchSizePerChanel (connectors.json:7:41): unknown key; did you mean parameters.IotAnalyticsBatchSizePerChannel?',
  ])
})

test('what is no definition of ours is refused with what was expected', async (t) => {
  assert.match(await refusal(t, { parameters: {} }), /^connectors\.json: expected the JSON of aws/)
  assert.equal(
    await refusal(t, { Connectors: [SNS] }),
    'connectors.json:2:17: expected an IoTAnalytics connector, found: SNS',
  )
  assert.match(await refusal(t, [ours(1), ours(2)]), /expected one IoTAnalytics connector/)
  assert.match(await refusal(t, [{ Id: 'x' }]), /expected a ConnectorArn such as .*, got nothing$/)
  assert.match(await refusal(t, '{"Connectors": ['), /^connectors\.json is neither YAML nor JSON/)
})
