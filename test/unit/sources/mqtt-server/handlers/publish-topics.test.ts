/** Topics that nobody may publish to: too long, too deep, or the connector's own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import { frame, publishPacket, subscribePacket } from '../../../../support/mqtt/mqtt-wire.ts'
import { property } from '../../../../support/mqtt/property.ts'
import { RecordingIntake } from '../../../../support/mqtt/recording-intake.ts'

const LONG = 'x'.repeat(60_000)
const TOPIC_NAME_INVALID = 0x90

test('topics of 64 KB are refused with their length, and a client that sends them holds no memory', async (t) => {
  const drops: string[] = []
  const { client, intake } = await startServer(t, {
    intake: new RecordingIntake({ routes: () => true, commitsAtOnce: true }),
    observer: { messageDropped: (_channel, code, detail) => drops.push(`${code}: ${detail}`) },
  })
  const sender = await client({ clientId: 'sender', version: 5 })
  const before = process.memoryUsage().heapUsed

  for (let id = 1; id <= 1_000; id++) {
    sender.send(publishPacket({ topic: `${id}/${LONG}`, qos: 1, id, properties: [] }))
    const puback = await sender.next()
    assert.equal(puback?.[4], TOPIC_NAME_INVALID)
    assert.ok((puback?.length ?? 0) < 200)
  }
  const grown = process.memoryUsage().heapUsed - before

  assert.equal(intake.messages.length, 0)
  assert.match(drops[999] ?? '', /^InvalidTopic: the topic has 60005 bytes of UTF-8; at most 256/)
  assert.ok(grown < 40_000_000, `${grown} bytes`)
})

test('a topic alias does not hold a topic that is too long; its messages are refused like the first', async (t) => {
  const { client } = await startServer(t)
  const sender = await client({ version: 5 })

  sender.send(publishPacket({ topic: LONG, qos: 1, id: 1, properties: property.topicAlias(1) }))
  const first = await sender.next()
  sender.send(publishPacket({ topic: '', qos: 1, id: 2, properties: property.topicAlias(1) }))
  const second = await sender.next()

  assert.deepEqual([first?.[4], second?.[4]], [TOPIC_NAME_INVALID, TOPIC_NAME_INVALID])
})

test('a topic with more levels than limits.maxTopicLevels is refused before it is matched', async (t) => {
  const { client } = await startServer(t, { limits: { maxTopicLevels: 4 } })
  const [sender, listener] = [
    await client({ clientId: 'sender', version: 5 }),
    await client({ clientId: 'listener' }),
  ]
  listener.send(subscribePacket(1, { '#': 0 }))
  await listener.next()

  sender.send(publishPacket({ topic: 'a/'.repeat(4), qos: 1, id: 1, properties: [] }))
  const deep = await sender.next()
  sender.send(publishPacket({ topic: `${'a/'.repeat(3)}a`, qos: 1, id: 2, properties: [] }))
  const allowed = await sender.next()

  assert.equal(deep?.[4], TOPIC_NAME_INVALID)
  assert.match(deep?.toString() ?? '', /5 levels; at most 4 are allowed \(limits.maxTopicLevels\)/)
  assert.equal(allowed?.[0], 0x40)
  assert.equal((await listener.next())?.[0], 0x30)
})

test('a filter that ends the connection is quoted in part, without control characters', async (t) => {
  const reasons: string[] = []
  const { client } = await startServer(t, {
    observer: { clientRefused: (_source, _remote, reason) => reasons.push(reason) },
  })
  const filter = Buffer.from(`\u202e${'#'.repeat(60_000)}`)
  const device = await client()

  device.send(frame(0xa2, [0, 1, filter.length >> 8, filter.length & 0xff, ...filter]))
  await device.untilClosed()

  assert.match(reasons[0] ?? '', /^topic filter "\\u202e#+…" has a wildcard in a wrong place$/)
  assert.ok((reasons[0] ?? '').length < 300)
})
