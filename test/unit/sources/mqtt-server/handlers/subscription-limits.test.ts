/** What one client's subscriptions may take: levels, bytes, shared groups, and its part of all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import { type MqttWire, subscribePacket } from '../../../../support/mqtt/mqtt-wire.ts'

const GRANTED = 0
const QUOTA_EXCEEDED = 0x97
const FAILURE = 0x80

/** The codes of SUBACK. */
async function subscribe(
  client: MqttWire,
  filters: readonly string[],
  version: 4 | 5 = 5,
): Promise<number[]> {
  const requests = Object.fromEntries(filters.map((filter) => [filter, 0]))
  client.send(subscribePacket(1, requests, version === 5 ? [] : undefined))
  const suback = await client.next()
  return [...(suback?.subarray(suback.length - filters.length) ?? [])]
}

function levels(count: number, name = 'a'): string {
  return new Array<string>(count).fill(name).join('/')
}

test('a filter with more levels than a topic may have is refused, the others of its packet are not', async (t) => {
  const { client } = await startServer(t, { limits: { maxTopicLevels: 16 } })
  const filters = [levels(16), levels(17), levels(17, '+'), `$share/g/${levels(16)}`]

  const codes = await subscribe(await client({ version: 5 }), filters)
  const codes4 = await subscribe(await client({ version: 4 }), [levels(16), levels(17)], 4)

  assert.deepEqual(codes, [GRANTED, QUOTA_EXCEEDED, QUOTA_EXCEEDED, GRANTED])
  assert.deepEqual(codes4, [GRANTED, FAILURE])
})

test('a client has a limit of shared subscriptions and of bytes in its filters', async (t) => {
  const limits = { maxSharedSubscriptionsPerClient: 2, maxFilterBytesPerClient: 100 }
  const { client } = await startServer(t, { limits })
  const one = await client({ version: 5, clientId: 'one' })
  const two = await client({ version: 5, clientId: 'two' })

  const shared = await subscribe(one, ['$share/g1/#', '$share/g2/#', '$share/g3/#', '#'])
  const long = await subscribe(two, ['x'.repeat(60), 'y'.repeat(60), 'z'.repeat(40)])

  assert.deepEqual(shared, [GRANTED, GRANTED, QUOTA_EXCEEDED, GRANTED])
  assert.deepEqual(long, [GRANTED, QUOTA_EXCEEDED, GRANTED])
})

test('what a client has unsubscribed from is free again', async (t) => {
  const { client } = await startServer(t, { limits: { maxFilterBytesPerClient: 100 } })
  const one = await client({ version: 5 })
  await subscribe(one, ['x'.repeat(60)])

  const before = await subscribe(one, ['y'.repeat(60)])
  one.send(Buffer.from([0xa2, 65, 0, 2, 0, 0, 60, ...Buffer.from('x'.repeat(60))]))
  await one.next()
  const after = await subscribe(one, ['y'.repeat(60)])

  assert.deepEqual([before, after], [[QUOTA_EXCEEDED], [GRANTED]])
})

test('clients that subscribe as much as they can leave room for one that subscribes little', async (t) => {
  const { client } = await startServer(t, { limits: { maxFilterLevelsOfAll: 1_000 } })
  const granted: number[] = []
  for (let i = 0; i < 10; i++) {
    const greedy = await client({ version: 5, clientId: `greedy${i}` })
    const filters = Array.from({ length: 100 }, (_, n) => `${i}/${n}/${levels(8)}`)
    const codes = await subscribe(greedy, filters)
    granted.push(codes.filter((code) => code === GRANTED).length)
  }

  const polite = await client({ version: 5, clientId: 'polite' })
  const codes = await subscribe(polite, ['commands/pump/#', 'plant/+/state'])

  assert.deepEqual(codes, [GRANTED, GRANTED])
  assert.ok(granted.reduce((sum, count) => sum + 10 * count, 0) <= 1_000, `${granted}`)
})
