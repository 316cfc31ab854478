/** Connectors that send to each other: edge → site, over BatchPutMessage. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request as sendRequest } from 'node:http'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { BatchPutMessageCommand, IoTAnalyticsClient } from '@aws-sdk/client-iotanalytics'
import type { ConfigInput, Connector } from '../../src/index.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import {
  assertLedgerAddsUp,
  startConnector,
  temporaryDirectory,
} from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const AT_ONCE = { PublishInterval: '0', IotAnalyticsBatchSizePerChannel: '10' }

function startSite(t: TestContext, config: ConfigInput = {}): Promise<Connector> {
  return startConnector(t, { connectorId: 'site', sources: { batchPutMessage: {} }, ...config })
}

function startEdge(t: TestContext, endpoint: string, config: ConfigInput = {}): Promise<Connector> {
  return startConnector(t, {
    connectorId: 'edge',
    parameters: AT_ONCE,
    destinations: [sendingTo(endpoint)],
    ...config,
  })
}

function sendingTo(endpoint: string, credentials: object = { anonymous: true }) {
  return { iotAnalytics: { endpoint, region: 'us-west-2', credentials } }
}

function httpOf(connector: Connector): string {
  return String(connector.describe().http)
}

async function storedIn(http: string, channel: string): Promise<string[]> {
  const answer = await fetch(`${http}/api/v1/channels/${channel}/messages?from=0&limit=1000`)
  const text = await answer.text()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => String(JSON.parse(line).payload))
}

test('messages of one connector are stored in the next, in order, with topics and ids', async (t) => {
  const site = await startSite(t)
  const edge = await startEdge(t, httpOf(site))
  for (let i = 0; i < 25; i += 1) await edge.publish('presses', `m${i}`, { id: `id-${i}` })
  await until('all are delivered', () => edge.ledger()[0]?.delivered === 25)

  const stored = await storedIn(httpOf(site), 'presses')
  const answer = await fetch(`${httpOf(site)}/api/v1/channels/presses/messages?from=3&limit=1`)
  const [line = ''] = (await answer.text()).split('\n')

  assert.deepEqual(
    stored,
    Array.from({ length: 25 }, (_, i) => `m${i}`),
  )
  assert.equal(JSON.parse(line).topic, 'iotanalytics/channels/presses/messages/put')
  assert.equal(JSON.parse(line).messageId, 'id-3')
  assertLedgerAddsUp(edge)
  assertLedgerAddsUp(site)
})

test('a batch whose answer is lost is not stored twice', async (t) => {
  const site = await startSite(t)
  const proxy = await startLosingProxy(t, httpOf(site))
  const edge = await startEdge(t, proxy.url)
  await edge.publish('presses', 'before')
  await until('the first is delivered', () => edge.ledger()[0]?.delivered === 1)

  proxy.losesAnswers = true
  await edge.publish('presses', 'ambiguous')
  await until('its answer was lost', () => proxy.lost > 0)
  proxy.losesAnswers = false
  await edge.publish('presses', 'after')
  await until('all are delivered', () => edge.ledger()[0]?.delivered === 3)

  assert.deepEqual(await storedIn(httpOf(site), 'presses'), ['before', 'ambiguous', 'after'])
})

test('kill -9 on both sides loses nothing and stores nothing twice', async (t) => {
  const edgeData = await temporaryDirectory(t)
  const siteData = await temporaryDirectory(t)
  const startSite = (port: string) =>
    new ConnectorProcess(
      t,
      [
        ...set('sources.batchPutMessage.maxBodyBytes=1MiB', `storage.directory=${siteData}`),
        ...set('connectorId=site', `http.port=${port}`),
      ],
      { withMqttServer: false },
    ).started()
  let site = await startSite('0')
  const { port, origin } = new URL(site.httpUrl)
  const destination = 'destinations[0].iotAnalytics'
  const startEdge = () =>
    new ConnectorProcess(t, [
      ...set(`storage.directory=${edgeData}`, 'connectorId=edge', 'parameters.PublishInterval=0'),
      ...set('parameters.IotAnalyticsBatchSizePerChannel=7', `${destination}.endpoint=${origin}`),
      ...set(`${destination}.region=us-west-2`, `${destination}.credentials.anonymous=true`),
    ]).started()
  let edge = await startEdge()
  const sent: string[] = []
  for (let round = 0; round < 6; round += 1) {
    const device = await MqttDevice.connect(t, edge.mqttUrl)
    const payloads = Array.from({ length: 40 }, (_, i) => `r${round}-${i}`)
    await Promise.all(
      payloads.map((payload) => device.client.publishAsync(TOPIC, payload, { qos: 1 })),
    )
    sent.push(...payloads)
    if (round % 2 === 0) {
      await edge.crash()
      edge = await startEdge()
    } else {
      await site.crash()
      site = await startSite(port)
    }
  }
  await until('all have arrived', async () => {
    return (await storedIn(site.httpUrl, 'presses')).length >= sent.length
  })
  await delay(300) // time for what would be too many

  assert.deepEqual((await storedIn(site.httpUrl, 'presses')).sort(), sent.sort())
})

test('messages that go in a circle are refused, and the sender says so', async (t) => {
  const site = await startSite(t, { connectorId: 'same' })
  const edge = await startEdge(t, httpOf(site), { connectorId: 'same' })

  await edge.publish('presses', 'm')

  const health = () => fetch(`${httpOf(edge)}/health`).then((answer) => answer.text())
  await until('health says so', async () => /go in a circle/.test(await health()))
  assert.deepEqual(site.ledger(), [])
})

test('AWS’s own client sends to a connector, with a signature that is checked', async (t) => {
  const credentials = [{ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a secret of the plant' }]
  const site = await startSite(t, { sources: { batchPutMessage: { credentials } } })
  const clientWith = (secretAccessKey: string) =>
    new IoTAnalyticsClient({
      endpoint: httpOf(site),
      region: 'us-west-2',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey },
      maxAttempts: 1,
    })
  const command = new BatchPutMessageCommand({
    channelName: 'presses',
    messages: [
      { messageId: '1', payload: Buffer.from('one') },
      { messageId: '2', payload: Buffer.from('two') },
    ],
  })

  const answer = await clientWith('a secret of the plant').send(command)
  await assert.rejects(clientWith('another secret, a wrong one').send(command), {
    name: 'InvalidSignatureException',
  })

  assert.deepEqual(answer.batchPutMessageErrorEntries, [])
  assert.deepEqual(await storedIn(httpOf(site), 'presses'), ['one', 'two'])
})

test('an edge with the right secret delivers, and with a wrong one keeps its messages', async (t) => {
  const credentials = [{ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a secret of the plant' }]
  const site = await startSite(t, { sources: { batchPutMessage: { credentials } } })
  const right = await startEdge(t, httpOf(site), {
    destinations: [sendingTo(httpOf(site), credentials[0])],
  })
  const wrong = await startEdge(t, httpOf(site), {
    connectorId: 'wrong',
    destinations: [
      sendingTo(httpOf(site), {
        ...credentials[0],
        secretAccessKey: 'another secret, a wrong one',
      }),
    ],
  })
  await right.publish('presses', 'from the right one')
  await wrong.publish('presses', 'from the wrong one')
  await until('the right one is delivered', () => right.ledger()[0]?.delivered === 1)

  const health = () => fetch(`${httpOf(wrong)}/health`).then((answer) => answer.text())
  await until('health says so', async () => /signature does not match/.test(await health()))
  assert.deepEqual(await storedIn(httpOf(site), 'presses'), ['from the right one'])
  assert.equal(wrong.ledger()[0]?.delivered, 0)
})

for (const [what, body, status] of [
  ['a body that is not JSON', '{', 400],
  ['no channel', '{"messages":[]}', 400],
  ['a channel that cannot exist', '{"channelName":"../x","messages":[]}', 400],
  ['no messages', '{"channelName":"c","messages":[]}', 400],
  ['a payload that is not base64', batch([{ messageId: '1', payload: '*' }]), 400],
  ['two messages with one id', batch([message('1'), message('1')]), 400],
  ['more than 100 messages', batch(Array.from({ length: 101 }, (_, i) => message(`${i}`))), 400],
  ['brackets without end', '['.repeat(200_000), 400],
] as const) {
  test(`${what} is refused as a whole, in AWS’s form`, async (t) => {
    const site = await startSite(t)

    const answer = await post(site, body)

    assert.equal(answer.status, status)
    assert.equal(answer.headers.get('x-amzn-errortype'), 'InvalidRequestException')
    assert.deepEqual(site.ledger(), [])
  })
}

test('a message that is too large is refused alone', async (t) => {
  const site = await startSite(t)
  const large = Buffer.alloc(131_073).toString('base64')

  const answer = await post(
    site,
    batch([message('1'), { messageId: '2', payload: large }, message('3')]),
  )

  const { batchPutMessageErrorEntries } = JSON.parse(await answer.text())
  assert.equal(answer.status, 200)
  assert.deepEqual(
    batchPutMessageErrorEntries.map((entry: { messageId: string }) => entry.messageId),
    ['2'],
  )
  assert.equal(site.ledger()[0]?.received, 2)
})

test('a request that is larger than the limit is refused, and so is one of a foreign page', async (t) => {
  const site = await startSite(t, { sources: { batchPutMessage: { maxBodyBytes: '256KiB' } } })

  const large = await post(site, 'x'.repeat(300_000))
  const foreign = await post(site, batch([message('1')]), { origin: 'http://elsewhere.example' })

  assert.deepEqual([large.status, foreign.status], [413, 403])
})

test('an origin that can’t be read is refused', async (t) => {
  const site = await startSite(t)

  const answer = await post(site, batch([message('1')]), { 'x-connector-origin': 'connector=edge' })

  assert.equal(answer.status, 400)
  assert.match(await answer.text(), /x-connector-origin: expected where 1 messages come from/)
})

test('a batch between connectors has up to 1,000 messages, and one that comes again adds nothing', async (t) => {
  const site = await startSite(t)
  const messages = Array.from({ length: 1_001 }, (_, i) => message(`${i}`))
  const names = 'connector=edge;instance=1;destination=site;log=a1'
  const originOf = (count: number) => ({
    'x-connector-origin': `${names};offsets=0-${count - 1};settled=0;end=${count}`,
    'x-connector-topics': `a,b;0*${count - 1},1`,
  })

  const tooMany = await post(site, batch(messages), originOf(1_001))
  const full = await post(site, batch(messages.slice(0, 1_000)), originOf(1_000))
  const again = await post(site, batch(messages.slice(0, 1_000)), originOf(1_000))

  assert.deepEqual([tooMany.status, full.status, again.status], [400, 200, 200])
  assert.match(await tooMany.text(), /expected 1 to 1000, got 1001/)
  assert.equal(site.ledger()[0]?.received, 1_000)
})

test('an edge sends as many messages in one call as it is set to', async (t) => {
  const site = await startSite(t)
  const requests: string[] = []
  const proxy = await startLosingProxy(t, httpOf(site), (request) => {
    requests.push(String(request.headers['x-connector-origin']))
  })
  const entry = sendingTo(proxy.url)
  const edge = await startEdge(t, proxy.url, {
    parameters: { PublishInterval: '60' },
    destinations: [{ iotAnalytics: { ...entry.iotAnalytics, maxBatchMessages: 250 } }],
  })
  await Promise.all(
    Array.from({ length: 500 }, (_, i) => edge.publish('presses', `m${i}`, { id: `id-${i}` })),
  )
  await until('all are delivered', () => edge.ledger()[0]?.delivered === 500)

  assert.equal(requests.length, 2)
  assert.match(requests[0] ?? '', /offsets=0-249;/)
  assert.equal((await storedIn(httpOf(site), 'presses')).length, 500)
})

test('batchPutMessage without the HTTP server is a mistake in the configuration', async (t) => {
  await assert.rejects(startSite(t, { http: false }), {
    code: 'InvalidConfiguration',
    message: /sources.batchPutMessage.*: needs the HTTP server, but http is false/,
  })
})

const TOPIC = 'iotanalytics/channels/presses/messages/binary/put'

function set(...settings: readonly string[]): string[] {
  return settings.flatMap((setting) => ['--set', setting])
}

function message(messageId: string) {
  return { messageId, payload: Buffer.from('m').toString('base64') }
}

function batch(messages: readonly object[]): string {
  return JSON.stringify({ channelName: 'c', messages })
}

function post(site: Connector, body: string, headers: Record<string, string> = {}) {
  return fetch(`${httpOf(site)}/messages/batch`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

/** Passes requests on, and loses answers when a test asks. */
async function startLosingProxy(
  t: TestContext,
  target: string,
  onRequest: (request: IncomingMessage) => void = () => {},
) {
  const proxy = { url: '', losesAnswers: false, lost: 0 }
  const server = createServer((request, response) => {
    onRequest(request)
    const { method, url, headers } = request
    const onward = sendRequest(`${target}${url}`, { method, headers }, (answer) => {
      if (!proxy.losesAnswers) {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
        return
      }
      proxy.lost += 1
      answer.resume()
      response.destroy()
    })
    request.pipe(onward)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  if (typeof address === 'object' && address !== null) {
    proxy.url = `http://127.0.0.1:${address.port}`
  }
  return proxy
}
