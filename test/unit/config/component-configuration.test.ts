/** The configuration of a Greengrass component, on the classic nucleus and on nucleus lite. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../../src/config/load.ts'

const NAME = 'com.example.IoTAnalyticsConnector'

async function load(value: unknown, environment: Record<string, string> = {}) {
  return await loadConfig({ environment, component: { name: NAME, value } })
}

async function rejection(value: unknown): Promise<string> {
  return await load(value).then(
    () => assert.fail('it was accepted'),
    (error: Error) => error.message,
  )
}

/** What the recipe begins with; a deployment merges its changes into it. */
const DEFAULTS = {
  MemorySize: '65535',
  PublishRegion: '',
  PublishInterval: '1',
  IotAnalyticsMaxActiveChannels: '50',
  IotAnalyticsQueueDropBehavior: 'DROP_NEWEST',
  IotAnalyticsQueueSizePerChannel: '',
  IotAnalyticsBatchSizePerChannel: '5',
  IotAnalyticsDefaultChannelName: '',
  inputs: {},
  iotCoreInputs: {},
  iotCoreStatus: 'false',
  connector: {},
  nodePath: 'node',
  accessControl: { 'aws.greengrass.ipc.pubsub': {} },
}

test('the defaults of the recipe are those of the connector, with the nucleus as its source', async () => {
  const { config } = await load(DEFAULTS)
  const { config: plain } = await loadConfig({ environment: {} })

  assert.deepEqual(config.parameters, plain.parameters)
  assert.equal(config.sources.greengrass?.component, NAME)
  assert.equal(config.sources.mqttServer, undefined)
  assert.deepEqual(config.inputs, [])
})

test('a parameter may be text, or a number', async () => {
  for (const value of ['7', 7, 7.0]) {
    const { config } = await load({ ...DEFAULTS, IotAnalyticsBatchSizePerChannel: value })

    assert.equal(config.parameters.batchSizePerChannel, 7)
  }
})

test('inputs have names, so that deployments can add to them', async () => {
  const { config } = await load({
    ...DEFAULTS,
    inputs: { presses: 'factory/+/press', ovens: 'factory/+/oven' },
    IotAnalyticsDefaultChannelName: 'plant',
  })

  assert.deepEqual(config.inputs, ['factory/+/press', 'factory/+/oven'])
})

test('topics of AWS IoT Core have names too, and only those of users need a channel', async () => {
  const put = 'iotanalytics/channels/+/messages/put'
  const { config } = await load({
    ...DEFAULTS,
    iotCoreInputs: { predefined: put },
    iotCoreStatus: 'true',
  })

  assert.deepEqual(config.sources.greengrass?.iotCoreInputs, [put])
  assert.equal(config.sources.greengrass?.iotCoreStatus, true)
  assert.match(
    await rejection({ ...DEFAULTS, iotCoreInputs: { own: 'cloud/#' } }),
    /iotCoreInputs .*set parameters\.IotAnalyticsDefaultChannelName/,
  )
})

test('topics may be lists in connector, as in a configuration file', async () => {
  const { config } = await load({
    ...DEFAULTS,
    IotAnalyticsDefaultChannelName: 'plant',
    connector: {
      inputs: ['factory/#'],
      sources: { greengrass: { iotCoreInputs: ['orders/#'] } },
    },
  })

  assert.deepEqual(config.inputs, ['factory/#'])
  assert.deepEqual(config.sources.greengrass?.iotCoreInputs, ['orders/#'])
})

test('connector is a configuration file, whose values may all be text', async () => {
  const { config } = await load({
    ...DEFAULTS,
    connector: {
      http: { port: '8123', host: '127.0.0.1' },
      storage: { maxBytes: '1GB', maxChannels: '12' },
      sources: { mqttServer: { port: '1884' } },
      destinations: [{ postgres: { host: 'db', user: 'iot', database: '5', create: 'true' } }],
      parameters: { StatusReports: 'failures', MemorySize: '1' },
    },
  })

  assert.equal(config.http?.port, 8123)
  assert.equal(config.storage.maxChannels, 12)
  assert.equal(config.sources.mqttServer?.port, 1884)
  assert.equal(config.destinations[0]?.kind, 'postgres')
  assert.deepEqual(config.parameters.statusReports, 'failures')
  // The component's own parameter is what a deployment sets.
  assert.equal(config.parameters.memoryBytes, 65_535 * 1024)
})

test('the environment and flags override the component', async () => {
  const environment = { IOT_ANALYTICS_CONNECTOR__PARAMETERS__MEMORY_SIZE: '9' }

  const { config } = await load(DEFAULTS, environment)

  assert.equal(config.parameters.memoryBytes, 9 * 1024)
})

test('a mistake is named with its key, what was expected and what came', async () => {
  const origin = /configuration of com\.example\.IoTAnalyticsConnector/
  for (const [value, expected] of [
    [{ ...DEFAULTS, PublishIntervall: '1' }, /PublishIntervall .*did you mean PublishInterval\?/],
    [{ ...DEFAULTS, MemorySize: 'x' }, /\(MemorySize in the configuration of .*got "x"/],
    [{ ...DEFAULTS, inputs: 'factory/#' }, /inputs .*expected a list.*got "factory\/#"/],
    [{ ...DEFAULTS, inputs: { a: 5 } }, /inputs\[0\] \(inputs\.a in the .*got 5/],
    [{ ...DEFAULTS, iotCoreInputs: { a: '#/b' } }, /\(iotCoreInputs\.a in the .*got "#\/b"/],
    [{ ...DEFAULTS, iotCoreStatus: 'yes' }, /\(iotCoreStatus in the .*got "yes"/],
    [{ ...DEFAULTS, connector: { inputs: ['#/b'] } }, /\(connector\.inputs\[0\] in the .*"#\/b"/],
    [
      { ...DEFAULTS, connector: { parameters: { StatusReports: 'x' } } },
      /\(connector\.parameters\.StatusReports in the .*got "x"/,
    ],
    [{ ...DEFAULTS, inputs: { a: 'a/#' } }, /set parameters\.IotAnalyticsDefaultChannelName/],
    [{ ...DEFAULTS, connector: 'x' }, /connector .*expected a mapping.*got "x"/],
    [{ ...DEFAULTS, connector: { htp: {} } }, /htp \(connector\.htp in the .*did you mean http\?/],
    ['x', /expected a mapping, got "x"/],
  ] as const) {
    const message = await rejection(value)

    assert.match(message, expected)
    assert.match(message, origin, message)
  }
})
