/** Where values come from, who wins, and what the program gets to see of it. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { MASK } from '../../../src/addresses.ts'
import { describeConfig } from '../../../src/config/describe.ts'
import { type ConfigRequest, loadConfig } from '../../../src/config/load.ts'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { pathText } from '../../../src/config/schema/config-tree.ts'
import { SchemaIndex } from '../../../src/config/schema/schema-index.ts'
import { withoutSecret } from '../../../src/config/schema/secret.ts'
import { optionOf } from '../../support/destinations/option-of.ts'
import { temporaryFile } from '../../support/disk/temporary-file.ts'

const load = (request: Partial<ConfigRequest>) => loadConfig({ environment: {}, ...request })

test('without any configuration the MQTT server stands open and data stays here', async () => {
  const { config, notices, files } = await load({})

  assert.deepEqual(config.parameters, {
    memoryBytes: 65_535 * 1024,
    publishRegion: undefined,
    publishIntervalMs: 1_000,
    maxActiveChannels: 50,
    queueDropBehavior: 'DROP_NEWEST',
    queueSizePerChannel: undefined,
    batchSizePerChannel: 5,
    defaultChannelName: undefined,
    binaryPayloadEncoding: 'raw',
    statusReports: 'all',
  })
  assert.equal(config.sources.mqttServer?.host, '127.0.0.1')
  assert.equal(config.sources.mqttServer?.port, 1883)
  assert.equal(config.sources.mqttClient, undefined)
  assert.equal(config.storage.directory, './data')
  assert.deepEqual(config.destinations, [])
  assert.equal(config.http?.port, 8090)
  assert.deepEqual([notices, files], [[], []])
})

test('parameters may be strings or numbers, and an empty string is no value', () => {
  const texts = parseConfig({
    parameters: { MemorySize: '100', PublishInterval: '0', IotAnalyticsBatchSizePerChannel: '' },
  })
  const numbers = parseConfig({ parameters: { MemorySize: 100, PublishInterval: 0 } })

  assert.deepEqual(texts.parameters, numbers.parameters)
  assert.equal(texts.parameters.memoryBytes, 102_400)
  assert.equal(texts.parameters.publishIntervalMs, 0)
  assert.equal(texts.parameters.batchSizePerChannel, 5)
})

test('empty strings leave every parameter at its default', () => {
  const names = Object.keys(parseConfig().parameters)
  const empty = {
    MemorySize: '',
    PublishRegion: '',
    PublishInterval: '',
    IotAnalyticsMaxActiveChannels: '',
    IotAnalyticsQueueDropBehavior: '',
    IotAnalyticsQueueSizePerChannel: '',
    IotAnalyticsBatchSizePerChannel: '',
    IotAnalyticsDefaultChannelName: '',
    BinaryPayloadEncoding: '',
    StatusReports: '',
  } as const

  assert.equal(Object.keys(empty).length, names.length)
  assert.deepEqual(parseConfig({ parameters: empty }), parseConfig())
})

test('the queue is bounded by 2048 messages in memory and by bytes on disk', () => {
  const inMemory = parseConfig({ storage: { durability: 'memory' } })
  const onDisk = parseConfig({ storage: { durability: 'disk' } })
  const set = parseConfig({ parameters: { IotAnalyticsQueueSizePerChannel: 7 } })

  assert.equal(inMemory.parameters.queueSizePerChannel, 2048)
  assert.equal(onDisk.parameters.queueSizePerChannel, undefined)
  assert.equal(set.parameters.queueSizePerChannel, 7)
})

test('each place lays its values over the one before', async (t) => {
  const definition = await temporaryFile(
    t,
    'connectors.json',
    JSON.stringify([
      {
        ConnectorArn: 'arn:aws:greengrass:us-west-2::/connectors/IoTAnalytics/versions/2',
        Parameters: {
          MemorySize: '1',
          PublishInterval: '1',
          IotAnalyticsMaxActiveChannels: '1',
          IotAnalyticsQueueSizePerChannel: '1',
        },
      },
    ]),
  )
  const file = await temporaryFile(
    t,
    'connector.yaml',
    'parameters: { PublishInterval: 2, IotAnalyticsMaxActiveChannels: 2, IotAnalyticsQueueSizePerChannel: 2 }',
  )

  const { config } = await load({
    connectorDefinition: definition,
    file,
    environment: {
      IOT_ANALYTICS_CONNECTOR__PARAMETERS__IOT_ANALYTICS_MAX_ACTIVE_CHANNELS: '3',
      IOT_ANALYTICS_CONNECTOR__PARAMETERS__IotAnalyticsQueueSizePerChannel: '3',
    },
    overrides: ['parameters.IotAnalyticsQueueSizePerChannel=4'],
  })

  const { memoryBytes, publishIntervalMs, maxActiveChannels, queueSizePerChannel } =
    config.parameters
  assert.deepEqual(
    { memoryBytes, publishIntervalMs, maxActiveChannels, queueSizePerChannel },
    { memoryBytes: 1024, publishIntervalMs: 2000, maxActiveChannels: 3, queueSizePerChannel: 4 },
  )
})

test('the flags of their own come last', async () => {
  const { config } = await load({
    overrides: ['storage.directory=/from/set', 'log.level=warn'],
    dataDirectory: '/from/data',
    logLevel: 'debug',
  })

  assert.equal(config.storage.directory, '/from/data')
  assert.equal(config.log.level, 'debug')
})

test('--set takes scalars, lists, mappings and indexes, and keeps text as text', async () => {
  const { config } = await load({
    overrides: [
      'storage.directory=1883',
      'parameters.IotAnalyticsDefaultChannelName=123',
      'inputs=[factory/#, "line one/+"]',
      'inputs[2]=#',
      'destinations[0].iotAnalytics={endpoint: "http://127.0.0.1:1", region: eu-west-1}',
      'destinations[0].iotAnalytics.timeout=2000',
      'destinations.0.name=cloud',
      'http=false',
    ],
  })

  assert.equal(config.storage.directory, '1883')
  assert.equal(config.parameters.defaultChannelName, '123')
  assert.deepEqual(config.inputs, ['factory/#', 'line one/+', '#'])
  assert.equal(config.destinations[0]?.name, 'cloud')
  assert.equal(config.destinations[0]?.options.timeout, 2000)
  assert.equal(config.http, undefined)
})

test('variables that Kubernetes sets for a service of our name are not taken for ours', async () => {
  const { config } = await load({
    environment: {
      IOT_ANALYTICS_CONNECTOR_PORT: 'tcp://10.0.0.1:1883',
      IOT_ANALYTICS_CONNECTOR_SERVICE_HOST: '10.0.0.1',
    },
  })

  assert.equal(config.http?.port, 8090)
})

test('JSON is read as well, tabs and all', async (t) => {
  const text = JSON.stringify({ $schema: './x.json', http: { port: 1 } }, null, '\t')
  const file = await temporaryFile(t, 'connector.json', text)

  assert.equal((await load({ file })).config.http?.port, 1)
})

test('a key with nothing after it is not set; a part with nothing after it has its defaults', async (t) => {
  const file = await temporaryFile(
    t,
    'connector.yaml',
    'parameters:\nstorage:\n  directory:\nsources:\n  mqttServer:\nlog:\ninputs:\n',
  )

  assert.deepEqual((await load({ file })).config, (await load({})).config)
})

test('an empty file is a configuration', async (t) => {
  const file = await temporaryFile(t, 'connector.yaml', '# nothing yet\n')

  assert.deepEqual((await load({ file })).config, (await load({})).config)
})

test('with somebody else’s broker alone the MQTT server stays shut', () => {
  const { sources } = parseConfig({ sources: { mqttClient: { url: 'mqtt://broker:1883' } } })

  assert.equal(sources.mqttServer, undefined)
  assert.equal(sources.mqttClient?.url, 'mqtt://broker:1883')
})

test('the Region is the destination’s own, then PublishRegion, then the environment’s', () => {
  const regionOf = (own?: string, published?: string, environment = {}) => {
    const input = {
      parameters: { PublishRegion: published },
      destinations: [{ iotAnalytics: { region: own } }],
    }
    return optionOf(parseConfig(input, environment).destinations[0], 'region')
  }
  const environment = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-central-1' }

  assert.equal(regionOf('us-east-2', 'us-west-2', environment), 'us-east-2')
  assert.equal(regionOf(undefined, 'us-west-2', environment), 'us-west-2')
  assert.equal(regionOf(undefined, '', environment), 'eu-west-1')
  assert.equal(
    regionOf(undefined, undefined, { AWS_DEFAULT_REGION: 'eu-central-1' }),
    'eu-central-1',
  )
})

test('an endpoint of one’s own needs no Region; one of AWS does', () => {
  const parse = (endpoint: string) =>
    parseConfig({ destinations: [{ iotAnalytics: { endpoint } }] }, {})

  assert.equal(optionOf(parse('http://127.0.0.1:9000').destinations[0], 'region'), 'us-east-1')
  assert.throws(() => parse('https://iotanalytics.us-west-2.amazonaws.com'), {
    code: 'InvalidConfiguration',
  })
})

test('the endpoint may come from AWS’s own variables', () => {
  const input = { destinations: [{ iotAnalytics: { region: 'us-west-2' } }] }
  const environment = {
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_ENDPOINT_URL_IOTANALYTICS: 'http://127.0.0.1:2',
  }

  const { destinations } = parseConfig(input, environment)

  assert.equal(optionOf(destinations[0], 'endpoint'), 'http://127.0.0.1:2')
})

test('the configuration is frozen all through and its input left alone', () => {
  const input = {
    inputs: ['a', 'a'],
    parameters: { IotAnalyticsDefaultChannelName: 'c' },
    destinations: [{ iotAnalytics: { region: 'us-west-2' } }],
  }
  const before = structuredClone(input)

  const config = parseConfig(input, {})

  assert.deepEqual(input, before)
  assert.deepEqual(config.inputs, ['a'])
  for (const part of [config, config.parameters, config.inputs, config.storage]) {
    assert(Object.isFrozen(part))
  }
  assert(Object.isFrozen(config.destinations[0]?.options))
})

test('what is described has each value’s origin, hides secrets and means the same again', async (t) => {
  const file = await temporaryFile(
    t,
    'connector.yaml',
    'inputs: ["#"]\nparameters: { IotAnalyticsDefaultChannelName: all_of_it }\ndestinations:\n  - iotAnalytics: { endpoint: "http://127.0.0.1:1" }\n',
  )
  const loaded = await load({
    file,
    overrides: ['http.port=1'],
    environment: { AWS_REGION: 'eu-west-1' },
  })

  const text = describeConfig(loaded)
  const again = await load({ file: await temporaryFile(t, 'again.yaml', text) })

  assert.deepEqual(again.config, loaded.config)
  assert.match(text, /^ {4}- "#" # .*connector\.yaml:1:10$|^ {2}- "#" # .*connector\.yaml:1:10$/m)
  assert.match(text, /^ {2}port: 1 # --set$/m)
  assert.match(text, /^ {2}host: 127\.0\.0\.1 # default$/m)
  assert.match(text, /^ {6}region: eu-west-1 # AWS_REGION$/m)
  assert.match(text, /^ {4}host: 127\.0\.0\.1 # default$/m)
})

test('secrets are known by their key or their form, and not shown', () => {
  const shown: readonly (readonly [string, string, string])[] = [
    ['password', 'geheim', MASK],
    ['secretAccessKey', 'geheim', MASK],
    ['sessionToken', 'geheim', MASK],
    ['passwordFile', '/run/secrets/mqtt', '/run/secrets/mqtt'],
    ['key', '-----BEGIN PRIVATE KEY-----\nMIIE', MASK],
    ['url', 'mqtt://device:geheim@broker:1883', `mqtt://device:${MASK}@broker:1883`],
    ['url', 'wss://broker/mqtt?X-Amz-Signature=ab#cd', `wss://broker/mqtt?${MASK}`],
    ['accessKeyId', 'AKIAEXAMPLE', 'AKIAEXAMPLE'],
    ['X-Api-Key', 'k', MASK],
    ['Cookie', 'k', MASK],
    ['key', '/etc/key.pem', '/etc/key.pem'],
  ]

  for (const [key, value, expected] of shown) assert.equal(withoutSecret(key, value), expected)
})

test('null unsets every setting, texts too', async () => {
  const texts = ['sources.mqttServer.passwordFile', 'http.tokenFile', 'parameters.PublishRegion']
  const set = texts.map((path) => `${path}=something`)
  const unset = texts.map((path) => `${path}=null`)

  const { config } = await load({ overrides: [...set, ...unset] })

  assert.equal(config.sources.mqttServer?.passwordFile, undefined)
  assert.equal(config.http?.tokenFile, undefined)
  assert.equal(config.parameters.publishRegion, undefined)
})

test('null for a setting that is not set changes nothing, whichever setting it is', async () => {
  const { config: untouched } = await load({})

  for (const path of new SchemaIndex().paths()) {
    const { config } = await load({ overrides: [`${pathText(path)}=null`] })
    assert.deepEqual(config, untouched, pathText(path))
  }
})

/** Without keys whose value is undefined. */
const valuesOf = (config: object): unknown => JSON.parse(JSON.stringify(config))

test('null in a file unsets as --set does: texts, numbers, lists and sections', async (t) => {
  const { config: untouched } = await load({})
  const settings = {
    sources: {
      mqttClient: null,
      mqttServer: {
        ...{ host: null, port: null, passwordFile: null, tls: null, webSocket: null, proxy: null },
        ...{ acl: null, limits: { maxInflight: null, maxQueuedBytes: null } },
      },
    },
    channels: { a: null },
    parameters: { PublishRegion: null, IotAnalyticsBatchSizePerChannel: null },
    storage: { maxBytes: null, segmentMaxAge: null },
    ...{ inputs: null, destinations: null, http: null, deadLetters: null },
    log: { level: null },
  }
  const json = await temporaryFile(t, 'c.json', JSON.stringify(settings))
  const yaml = await temporaryFile(t, 'c.yaml', JSON.stringify(settings).replaceAll('null', '~'))

  for (const file of [json, yaml]) {
    const { config } = await load({ file })
    assert.deepEqual(valuesOf(config), valuesOf(untouched))
  }
  const parsed = parseConfig(JSON.parse(JSON.stringify(settings)), {})
  assert.deepEqual(valuesOf(parsed), valuesOf(untouched))
})

test('null removes the rules of a channel', async (t) => {
  const file = await temporaryFile(
    t,
    'c.yaml',
    'channels: { a: { maxAge: 1h }, b: { maxAge: 1h } }',
  )

  const { config } = await load({ file, overrides: ['channels.a=null'] })

  assert.deepEqual(Object.keys(config.channels), ['b'])
})

test('null in a file unsets what the connector definition sets', async (t) => {
  const definition = await temporaryFile(
    t,
    'connectors.json',
    await readFile(
      join(import.meta.dirname, '../../../../examples/connector-definition.json'),
      'utf8',
    ),
  )
  const file = await temporaryFile(t, 'c.yaml', 'parameters: { PublishInterval: null }')

  const { config } = await load({ connectorDefinition: definition, file })

  assert.equal(config.parameters.publishIntervalMs, 1_000)
})

test('a section without content has its defaults, and null in its place removes it', async (t) => {
  const file = (value: string) =>
    temporaryFile(t, 'c.yaml', `sources:\n  mqttServer:\n    webSocket:${value}\n`)

  const empty = await load({ file: await file('') })
  const removed = await load({ file: await file(' null') })

  assert.equal(empty.config.sources.mqttServer?.webSocket?.port, 8083)
  assert.equal(removed.config.sources.mqttServer?.webSocket, undefined)
})
