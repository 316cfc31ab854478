/** `run --greengrass` while the nucleus, its connection or the messages are not as they should be. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import { IpcClient } from '../../src/greengrass/ipc/client.ts'
import { subscribeToTopic } from '../../src/greengrass/ipc/operations.ts'
import { CLASSIC, LITE } from '../support/greengrass/character.ts'
import {
  envelope,
  FILTERS,
  NAME,
  PUT,
  PUT_BINARY,
  pageOf,
  type Site,
  STATUS,
  siteOf,
  startComponent,
  subscribed,
  totalsOf,
} from '../support/greengrass/component-site.ts'
import { type NucleusServer, startNucleus } from '../support/greengrass/nucleus-server.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const SENDER = 'com.example.Sender'

const outcomes = ({ statuses }: Site) =>
  statuses().map(({ response }) => response.error ?? response.status)

/** Publishes a message, and waits for its status. */
async function goesOn({ server, statuses }: Site, id = 'after'): Promise<void> {
  server.publish(PUT, { json: envelope('x', id) })
  await until('it has its status', () => statuses().some((status) => status.id === id))
}

/** Another component, which subscribes to statuses. */
async function addListener(t: TestContext, server: NucleusServer): Promise<void> {
  server.addComponent(SENDER, {
    accessControl: {
      'aws.greengrass.ipc.pubsub': { policy: { operations: ['*'], resources: ['*'] } },
    },
  })
  const nothing = () => {}
  const client = new IpcClient({
    socketPath: server.socketPath,
    authToken: server.tokenOf(SENDER),
    clock: systemClock,
    random: Math.random,
    events: {
      connected: nothing,
      disconnected: nothing,
      attemptFailed: nothing,
      tokenChanged: nothing,
      dropped: nothing,
      gaveUp: nothing,
    },
  })
  t.after(() => client.abort())
  await client.start()
  await subscribeToTopic(client, STATUS, { event: nothing, ended: nothing })
}

test('a nucleus that does not accept the login at the start is asked again, until SIGTERM', async (t) => {
  const server = await startNucleus(t, CLASSIC)
  server.addComponent(NAME, {})
  const args = ['--greengrass', NAME, '--data', await temporaryDirectory(t)]
  const env = { ...server.environmentOf(NAME), SVCUID: 'of another time' }
  const connector = new ConnectorProcess(t, args, { withMqttServer: false, env })

  await until('it has tried several times', () => server.logins().length >= 3)
  connector.signal('SIGTERM')
  const { code } = await connector.ends()

  assert.equal(code, 0)
})

test('the nucleus closes the connection silently: it is subscribed again', async (t) => {
  const site = await siteOf(t)
  const { server, connector } = site

  server.closeConnections()
  await until('it has logged in again', () => server.logins().length === 2)
  await subscribed(server)
  await goesOn(site)

  assert.equal((await totalsOf(connector)).received, 1)
})

test('a nucleus that is away for a while is connected again, and what waits is sent', async (t) => {
  const site = await siteOf(t)
  const { server, connector, statuses } = site

  server.holdAnswer('PublishToTopic')
  server.publish(PUT, { json: envelope('x', 'before') })
  await until('its status is under way', () => statuses().length === 1)
  await server.stop()
  await until('health says so', async () =>
    (await pageOf(connector, '/health')).includes('greengrass disconnected'),
  )
  await server.restart({ keepsTokens: true })
  await subscribed(server)
  await goesOn(site)

  assert.deepEqual(
    statuses().map(({ id }) => id),
    ['before', 'before', 'after'],
  )
  assert.equal((await totalsOf(connector)).received, 2)
})

test('half a frame ends the connection, nothing wrong is taken, and it is subscribed again', async (t) => {
  const site = await siteOf(t, { character: LITE })
  const { server, connector, statuses } = site

  server.tearNextEvent()
  server.publish(PUT, { json: envelope('x', 'torn') })
  server.publish(PUT, { json: envelope('x', 'garbage after it') })
  await until('it has logged in again', () => server.logins().length === 2)
  await subscribed(server)
  await goesOn(site)

  assert.deepEqual(
    statuses().map(({ id }) => id),
    ['after'],
  )
  assert.equal((await totalsOf(connector)).received, 1)
})

test('a message that comes before the answer to the subscription has its status', async (t) => {
  const { connector, statuses } = await siteOf(t, {
    prepare: (server) => {
      server.beforeAnswer('SubscribeToTopic', () => {
        server.publish(PUT, { json: envelope('x', 'early') })
      })
    },
  })

  await until('it has a status', () => statuses().length === 1)

  assert.deepEqual(statuses()[0]?.id, 'early')
  assert.equal((await totalsOf(connector)).received, 1)
})

test('messages that are too large have a status, and the connection stays', async (t) => {
  const site = await siteOf(t)
  const { server, connector } = site

  server.publish(PUT_BINARY, { binary: Buffer.alloc(200 * 1024) })
  server.publish(PUT_BINARY, { binary: Buffer.alloc(2 * 1024 * 1024) })
  await until('both have a status', () => outcomes(site).length === 2)
  await goesOn(site)

  assert.deepEqual(outcomes(site), ['MessageTooLarge', 'MessageTooLarge', 'success'])
  assert.equal(server.logins().length, 1)
  const { received, dropped } = await totalsOf(connector)
  assert.deepEqual([received, dropped], [3, { MessageTooLarge: 2 }])
})

test('nucleus lite: a message whose id no status has room for is refused; all else stays', async (t) => {
  const site = await siteOf(t, { character: LITE })
  const { server, connector, statuses } = site
  await addListener(t, server)
  const lengths = [4_090, 5_000, 7_080, 7_250, 7_260, 7_300, 9_000]

  for (const length of lengths) {
    server.publish(PUT, { json: envelope('x', 'i'.repeat(length)) })
  }
  await goesOn(site)
  await until('all have a status', () => statuses().length === lengths.length + 1)

  const tooLong = statuses().filter(({ response }) => response.error === 'MessageTooLarge')
  assert.equal(tooLong.length, lengths.length - 1)
  assert.ok(tooLong.every(({ id }) => id === undefined))
  assert.ok(statuses().some(({ id }) => id?.length === lengths[0]))
  assert.doesNotMatch(await pageOf(connector, '/metrics'), /receipts_dropped_total\{/)
  const { received, dropped } = await totalsOf(connector)
  assert.deepEqual([received, dropped], [8, { MessageTooLarge: 6 }])
  assert.deepEqual(server.filtersOf(SENDER), [STATUS])
  assert.deepEqual(server.filtersOf(NAME), FILTERS)
  assert.equal(server.logins().length, 2)
})

test('messages come from AWS IoT Core, and statuses go there too', async (t) => {
  const site = await siteOf(t, {
    configuration: {
      IotAnalyticsDefaultChannelName: 'plant',
      iotCoreInputs: { all: 'cloud/#' },
      iotCoreStatus: 'true',
    },
  })
  const { server, connector } = site
  await until('the topic is subscribed', () => server.filtersOf(NAME).includes('cloud/#'))

  server.publishFromCloud('cloud/press', Buffer.from('23.33'))
  const published = () => server.requests('PublishToIoTCore').map(({ request }) => request)
  await until('both statuses came', () => published().length === 1 && outcomes(site).length === 1)

  const [{ topicName, payload } = {}] = published()
  assert.equal(topicName, STATUS)
  assert.match(Buffer.from(String(payload), 'base64').toString(), /"status":"success"/)
  assert.deepEqual(outcomes(site), ['success'])
  assert.equal((await totalsOf(connector)).received, 1)
})

test('a message that several filters match is taken once', async (t) => {
  const inputs = { all: 'factory/#', presses: 'factory/+/press' }
  const site = await siteOf(t, {
    configuration: { IotAnalyticsDefaultChannelName: 'plant', inputs },
  })
  const { server, connector } = site
  await until('all are subscribed', () => server.filtersOf(NAME).length === 4)

  for (let n = 0; n < 10; n++) server.publish('factory/a/press', { binary: Buffer.from([n]) })
  await goesOn(site)

  assert.equal(outcomes(site).length, 11)
  assert.equal((await totalsOf(connector)).received, 11)
})

test('messages without room while a configuration is applied are refused, and the ledger adds up', async (t) => {
  const site = await siteOf(t, {
    configuration: { connector: { sources: { greengrass: { maxBufferedMessages: 1 } } } },
  })
  const { server, connector, statuses } = site
  let published = 0
  const publishing = setInterval(() => {
    server.publish(PUT, { json: envelope('x', `m${published}`) })
    published += 1
  }, 2)
  t.after(() => clearInterval(publishing))

  server.configure(NAME, ['PublishInterval'], '2')
  await until('some were refused', () => outcomes(site).includes('BufferFull'))
  clearInterval(publishing)
  await until('all have a status', () => statuses().length === published)

  const refused = outcomes(site).filter((outcome) => outcome === 'BufferFull').length
  const stored = outcomes(site).filter((outcome) => outcome === 'success').length
  assert.equal(stored + refused, published)
  const { received, dropped } = await totalsOf(connector)
  assert.deepEqual([received, dropped], [published, { BufferFull: refused }])
})

test('a nucleus that hangs is visible in health, and when it recovers everything goes on', async (t) => {
  const site = await siteOf(t)
  const { server, connector } = site
  const health = async () => JSON.parse(await pageOf(connector, '/health'))

  server.hang()
  server.publish(PUT, { json: envelope('x', 'meanwhile') })
  await until('health says so', async () => (await health()).level === 'warning')
  assert.match(
    (await health()).problems[0],
    /Source greengrass, disconnected.*expected an answer within 10000 ms/,
  )
  server.recover()
  await until('it is well again', async () => (await health()).level === 'ok')
  await goesOn(site)

  const ids = new Set(site.statuses().map(({ id }) => id))
  assert.deepEqual(ids, new Set(['meanwhile', 'after']))
  assert.equal((await totalsOf(connector)).received, 2)
})

test('at SIGTERM, every message that was taken still has its status', async (t) => {
  const { server, connector, directory, statuses } = await siteOf(t)

  for (let n = 0; n < 500; n++) server.publish(PUT, { json: envelope('x', `m${n}`) })
  await until('some have a status', () => statuses().length > 0)
  connector.signal('SIGTERM')
  const { code } = await connector.ends()

  assert.equal(code, 0)
  const ids = new Set(statuses().map(({ id }) => id))
  const next = await startComponent(t, server, directory)
  assert.equal((await totalsOf(next)).received, ids.size)
})

test('at SIGTERM, a nucleus that hangs is not waited for until it kills the process', async (t) => {
  const { server, connector } = await siteOf(t)
  server.hang()
  server.publish(PUT, { json: envelope('x', 'meanwhile') })
  await until('it was taken', async () => (await totalsOf(connector)).received === 1)

  const begunAt = performance.now()
  connector.signal('SIGTERM')
  const { code } = await connector.ends()

  assert.equal(code, 0)
  // Killed 5 s after the signal. An operation's deadline would be 10 s.
  assert.ok(performance.now() - begunAt < 5_000)
})
