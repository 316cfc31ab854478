/** Retained messages for a new subscription go out as fast as the client takes them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemorySessionStore } from '../../../../support/mqtt/memory-session-store.ts'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  frame,
  type MqttWire,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'

const PUBLISH = 3
const SUBACK = 9

async function retain(client: MqttWire, count: number, payload: string | Buffer, qos: 0 | 1 = 1) {
  for (let i = 0; i < count; i++) {
    client.send(publishPacket({ topic: `r/${i}`, payload, qos, id: 1 + i, retain: true }))
    if (qos === 1) await client.next()
  }
  await client.untilPong()
}

/** Reads packets, acknowledges those of QoS 1, and returns their topics when there are `count`. */
async function takeAll(client: MqttWire, count: number): Promise<Set<string>> {
  const topics = new Set<string>()
  while (topics.size < count) {
    const packet = await client.next()
    assert.ok(packet, `cut off after ${topics.size} messages`)
    const first = packet[0] ?? 0
    if (first >> 4 === SUBACK) continue
    assert.equal(first >> 4, PUBLISH)
    const start = packet.indexOf('r/')
    const end = start + packet.readUInt16BE(start - 2)
    topics.add(packet.toString('latin1', start, end))
    if ((first & 6) !== 0) client.send(frame(0x40, [...packet.subarray(end, end + 2)]))
  }
  return topics
}

for (const store of [undefined, 'a store'] as const) {
  const kept =
    store === undefined ? 'a session that ends with its client' : 'a session that is kept'
  test(`more retained messages than the queue holds reach ${kept}, at QoS 1`, async (t) => {
    const { client } = await startServer(t, {
      limits: { maxQueuedMessages: 50, maxInflight: 10 },
      ...(store !== undefined && { store: new MemorySessionStore() }),
    })
    await retain(await client({ clientId: 'publisher' }), 400, 'x')
    const subscriber = await client({ clientId: 'subscriber', isClean: store === undefined })

    subscriber.send(subscribePacket(1, { 'r/#': 1 }))
    const topics = await takeAll(subscriber, 400)

    assert.equal(topics.size, 400)
    assert.deepEqual(await subscriber.untilPong(), [])
  })
}

test('retained messages at QoS 0 wait for a slow reader, however many bytes they are', async (t) => {
  const { client } = await startServer(t, { limits: { maxOutgoingBytes: 65_536 } })
  await retain(await client({ clientId: 'publisher' }), 300, Buffer.alloc(50_000))
  const subscriber = await client({ clientId: 'subscriber' })

  subscriber.socket.pause()
  subscriber.send(subscribePacket(1, { 'r/#': 0 }))
  setTimeout(() => subscriber.socket.resume(), 100)
  const topics = await takeAll(subscriber, 300)

  assert.equal(topics.size, 300)
})

test('a client that unsubscribes gets no further retained messages', async (t) => {
  const { client } = await startServer(t, { limits: { maxInflight: 5 } })
  await retain(await client({ clientId: 'publisher' }), 200, 'x')
  const subscriber = await client({ clientId: 'subscriber' })

  subscriber.send(subscribePacket(1, { 'r/#': 1 }), frame(0xa2, [0, 2], 'r/#'))
  let received = 0
  for (;;) {
    const packet = await subscriber.next()
    if (packet === undefined || packet[0] === 0xb0) break
    if (packet[0] !== undefined && packet[0] >> 4 === PUBLISH) received++
  }
  const later = await subscriber.untilPong()

  assert.ok(received + later.length < 200, `${received} and ${later.length}`)
})
