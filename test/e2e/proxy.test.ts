/** A proxy on the way to the destination that refuses and breaks, through the whole connector. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { ConnectProxy } from '../support/destinations/connect-proxy.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import {
  assertLedgerAddsUp,
  destinationOf,
  mqttUrlOf,
  startConnector,
} from '../support/processes/running-connector.ts'

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

function answers(status: string) {
  return (socket: Socket) => void socket.end(`HTTP/1.1 ${status}\r\n\r\n`)
}

/** Hangs up when the first bytes of the request have come. */
function breaksInTheRequest(socket: Socket): void {
  socket.once('data', () => socket.destroy())
  socket.write(ESTABLISHED)
}

/** Hangs up when the service has answered, and keeps the answer. */
function breaksBeforeTheAnswer(port: number) {
  return (socket: Socket) => {
    const upstream = connect(port, '127.0.0.1')
    upstream.once('data', () => {
      upstream.destroy()
      socket.destroy()
    })
    socket.pipe(upstream)
    socket.write(ESTABLISHED)
  }
}

test('a proxy that refuses or hangs up delays messages, loses none, and repeats only those whose answer was lost', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const proxy = await ConnectProxy.start(t, { user: 'plant', password: 'p@ss' })
  proxy.next(
    answers('407 Proxy Authentication Required'),
    answers('502 Bad Gateway'),
    breaksInTheRequest,
    breaksBeforeTheAnswer(Number(new URL(api.url).port)),
  )
  const connector = await startConnector(
    t,
    {
      parameters: { PublishInterval: '0', IotAnalyticsBatchSizePerChannel: '10' },
      destinations: [destinationOf(api, { proxy: proxy.url, maxConnections: 1 })],
    },
    { random: () => 0.01 },
  )
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))
  const ids = Array.from({ length: 30 }, (_, i) => `m${i}`)

  for (const id of ids) await device.putMessage('my_channel', `payload of ${id}`, id)
  const receipts = await device.receiptsUpTo(ids.length)

  assert.deepEqual(
    receipts.map(({ response }) => response.status),
    ids.map(() => 'success'),
  )
  const received = api.received('my_channel')
  const repeated = received.length - ids.length
  const [lost, again] = api.batches('my_channel')
  assert.deepEqual([...new Set(received.map(({ messageId }) => messageId))].sort(), ids.sort())
  assert.ok(received.every(({ messageId, payload }) => `${payload}` === `payload of ${messageId}`))
  assert.deepEqual(again, lost, 'the batch comes again as it was')
  assert.equal(repeated, lost?.length)
  assert.equal(proxy.targets.length, 5)
  assert.deepEqual(api.violations, [])
  assertLedgerAddsUp(connector)
})
