/** Topic aliases towards a client: as many as it takes and as may be kept. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedBound } from '../../../../../src/sources/mqtt-server/limits/shared-bound.ts'
import { TopicAliases } from '../../../../../src/sources/mqtt-server/topics/topic-aliases.ts'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import { publishPacket, subscribePacket } from '../../../../support/mqtt/mqtt-wire.ts'
import { property } from '../../../../support/mqtt/property.ts'

test('a client that offers every alias gets as many as the server keeps, and all messages', async (t) => {
  const { client } = await startServer(t, { limits: { maxTopicAliases: 2 } })
  const listener = await client({ version: 5, properties: property.topicAliasMaximum(65_535) })
  listener.send(subscribePacket(1, { '#': 0 }, []))
  await listener.next()
  const device = await client({ clientId: 'device' })
  const alias = (number: number) => property.topicAlias(number)
  const sent = (topic: string, properties: number[]) =>
    publishPacket({ topic, payload: 'x', properties }).toString('hex')

  for (const topic of ['a', 'b', 'c', 'a', 'c']) device.send(publishPacket({ topic, payload: 'x' }))
  await device.untilPong()

  assert.deepEqual(await listener.untilPong(), [
    sent('a', alias(1)),
    sent('b', alias(2)),
    sent('c', []),
    sent('', alias(1)),
    sent('c', []),
  ])
})

test('what is kept for aliases is bounded over all clients, and free again when a client has gone', () => {
  const bound = new SharedBound(100_000, 1 / 4)
  const greedy = Array.from({ length: 100 }, () => new TopicAliases(65_535, bound))
  for (const aliases of greedy) {
    for (let i = 0; i < 1_000; i++) aliases.of(`${i}`.padStart(256, 'x'))
  }
  const polite = new TopicAliases(10, bound)
  const first = polite.of('a')

  assert.deepEqual(first, { number: 1, isKnown: false })
  assert.ok(bound.used <= 100_000)
  polite.takeBack('a')
  polite.clear()
  for (const aliases of greedy) aliases.clear()
  assert.equal(bound.used, 0)
})
