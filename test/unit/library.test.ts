/**
 * The library as an embedding program sees it. One half of the test is what compiles here and what
 * must not: the compiler checks each `@ts-expect-error`. The other half runs.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import {
  type ChannelLedger,
  type ConfigInput,
  type Connector,
  type ConnectorDescription,
  ConnectorError,
  type ConnectorOptions,
  createConnector,
  type ErrorCode,
  type LogOutput,
  type Receipt,
  type StopReport,
} from '../../src/index.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import {
  assertLedgerAddsUp,
  destinationOf,
  startConnector,
  temporaryDirectory,
} from '../support/processes/running-connector.ts'

/** Never called; it only has to compile. */
async function program(): Promise<void> {
  const config: ConfigInput = {
    parameters: { IotAnalyticsBatchSizePerChannel: 100, PublishInterval: '1' },
    inputs: ['factory/#'],
    sources: { mqttServer: { port: 1883 } },
    storage: { directory: './data', durability: 'disk' },
    destinations: [{ name: 'there', iotAnalytics: { region: 'us-west-2' } }],
    http: false,
  }
  const options: ConnectorOptions = { random: () => 0.5 }
  const connector: Connector = createConnector(config, options)
  connector.events.on('receipt', (receipt: Receipt) => {
    const { response, id } = receipt
    const text: string = response.status === 'fail' ? response.error_message : response.status
    const known: string | undefined = id
    // @ts-expect-error only failures have an error
    response.error.at(0)
    return [text, known]
  })
  connector.events.on('dropped', ({ channel, code }) => [channel?.length, code.length])
  connector.events.on('batchRetried', ({ error, delayMs }) => [error.effect, delayMs.toFixed()])
  await connector.start()
  await connector.publish('my_channel', '{"temp":23.33}', { id: 'req123' })
  await connector.publish('my_channel', Buffer.from([1, 2, 3]))
  await connector.publishTo('factory/line1', Buffer.from('any bytes'))
  const ledger: ChannelLedger[] = connector.ledger()
  const description: ConnectorDescription = connector.describe()
  const report: StopReport = await connector.stop({ deadlineMs: 1000 })
  const figures: readonly number[] = [report.delivered, ledger.length, description.channels]
  const code: ErrorCode = 'QueueFull'
  assert.ok(figures.length > 0 && code.length > 0)

  // @ts-expect-error an unknown section
  createConnector({ parameter: {} })
  // @ts-expect-error a parameter that is neither text nor number
  createConnector({ parameters: { MemorySize: true } })
  // @ts-expect-error a value other than the two
  createConnector({ storage: { durability: 'tape' } })
  // @ts-expect-error a destination without a kind
  createConnector({ destinations: [{ name: 'there' }] })
  // @ts-expect-error objects are not messages: make them text
  await connector.publish('my_channel', { temp: 23.33 })
  // @ts-expect-error an id is text
  await connector.publish('my_channel', 'm', { id: 1 })
  // @ts-expect-error no such event
  connector.events.on('recieved', () => {})
  // @ts-expect-error the configuration is frozen
  connector.config.inputs.push('office/#')
  // @ts-expect-error not among the codes
  new ConnectorError('Oops', 'never')
}

test('the program above compiles, and programs with wrong types do not', () => {
  assert.equal(typeof program, 'function')
})

test('publish resolves when the message is stored, and the receipt event says what became of it', async (t) => {
  const api = await FakeIotAnalytics.start(t, { channels: ['my_channel'] })
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0' },
    destinations: [destinationOf(api)],
  })
  const receipts: Receipt[] = []
  connector.events.on('receipt', (receipt) => receipts.push(receipt))

  await connector.publish('my_channel', '{"temp":23.33}', { id: 'req123' })
  while (receipts.length < 1) await once(connector.events, 'receipt')
  await connector.publish('no_channel', 'm', { id: 'lost' })
  while (receipts.length < 2) await once(connector.events, 'receipt')

  assert.deepEqual(receipts[0], { response: { status: 'success' }, id: 'req123' })
  assert.equal(receipts[1]?.response.status, 'fail')
  assert.equal(receipts[1]?.id, 'lost')
  assertLedgerAddsUp(connector)
})

test('a refused message rejects with its error code', async (t) => {
  const connector = await startConnector(t, {
    parameters: { IotAnalyticsDefaultChannelName: 'mine' },
    inputs: ['factory/#'],
  })
  const dropped: (string | undefined)[] = []
  connector.events.on('dropped', ({ channel, code }) => dropped.push(`${channel}: ${code}`))

  await assert.rejects(connector.publish('no-channel', 'm'), { code: 'InvalidChannelName' })
  await assert.rejects(connector.publish('mine', Buffer.alloc(131_073)), {
    code: 'MessageTooLarge',
  })
  await assert.rejects(connector.publishTo('office/1', Buffer.alloc(1)), { code: 'InvalidTopic' })
  await assert.rejects(
    connector.publishTo('iotanalytics/channels/mine/messages/put', Buffer.from('{}')),
    (error) => error instanceof ConnectorError && error.code === 'InvalidMessage',
  )

  assert.deepEqual(dropped, [
    'undefined: InvalidChannelName',
    'mine: MessageTooLarge',
    'mine: InvalidMessage',
  ])
  assertLedgerAddsUp(connector)
})

test('before start and after stop no message is accepted, and a stopped connector cannot be started again', async (t) => {
  const connector = createConnector(await onFreePorts(t))

  await assert.rejects(connector.publish('mine', 'm'), { code: 'Stopping' })
  await connector.start()
  await connector.publish('mine', 'm')
  await connector.stop()
  await assert.rejects(connector.publish('mine', 'm'), { code: 'Stopping' })

  await assert.rejects(connector.start(), { code: 'Stopping' })
  assert.deepEqual(connector.ledger(), [])
})

test('start and stop may be called twice, and stop while it starts', async (t) => {
  const config = await onFreePorts(t)
  const connector = createConnector(config)

  await Promise.all([connector.start(), connector.start()])
  await connector.start()
  await connector.publish('mine', 'm')
  const [first, second] = await Promise.all([connector.stop(), connector.stop()])
  const other = createConnector(config)
  const starting = other.start()
  await other.stop()
  await starting

  assert.deepEqual(first, { delivered: 0, kept: 0, lost: 0 })
  assert.equal(first, second)
  const third = createConnector(config)
  await third.start() // the directory is free again
  await third.stop()
})

test('when a port is in use, start says so and leaves nothing running, and works once it is free', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const address = taken.address()
  assert.ok(typeof address === 'object' && address !== null)
  const config = await onFreePorts(t)
  const connector = createConnector({ ...config, http: { port: address.port } })

  await assert.rejects(connector.start(), { code: 'AddressInUse' })
  await assert.rejects(connector.publish('mine', 'm'), { code: 'Stopping' })
  const other = createConnector(config) // of the same directory, whose lock must be free again
  await other.start()
  await other.stop()
  taken.close()
  await once(taken, 'close')
  await connector.start()
  await connector.publish('mine', 'm')

  assert.deepEqual(await connector.stop(), { delivered: 0, kept: 0, lost: 0 })
})

test('when another connector uses the directory, start says so and leaves no port open', async (t) => {
  const config = await onFreePorts(t)
  const first = createConnector(config)
  await first.start()
  t.after(() => first.stop())
  const second = createConnector(config)

  await assert.rejects(second.start(), { code: 'DirectoryLocked' })

  assert.deepEqual(second.describe().sources, [])
  await first.publish('mine', 'the first goes on')
})

test('an error names everything that is wrong with a configuration', () => {
  const misspelt: object = { parameters: { MemorySize: '0' }, storage: { directry: 'x' } }

  assert.throws(() => createConnector(misspelt), {
    code: 'InvalidConfiguration',
    message: /parameters\.MemorySize[\s\S]*storage\.directry.*did you mean storage\.directory/,
  })
})

test('a CommonJS program gets it with require()', () => {
  const library = createRequire(import.meta.url)('../../src/index.js')

  assert.equal(library.createConnector, createConnector)
})

test('its log goes where the embedding program wants it', async (t) => {
  const lines: string[] = []
  const logOutput: LogOutput = { write: (line) => lines.push(line) }
  const config = { ...(await onFreePorts(t)), log: { level: 'debug' } } as const
  const connector = createConnector(config, { logOutput })
  await connector.start()
  await connector.publish('mine', 'one')
  await connector.stop()

  assert.ok(lines.some((line) => JSON.parse(line).event === 'commit_messages'))
})

async function onFreePorts(t: TestContext): Promise<ConfigInput> {
  return {
    sources: { mqttServer: { port: 0 } },
    storage: { directory: await temporaryDirectory(t) },
    http: { port: 0 },
    log: { level: 'silent' },
  }
}
