/** What is known of one message, and how far the search for it goes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Attempt } from '../../../../src/delivery/batches/attempt-trail.ts'
import { findMessages } from '../../../../src/operator/why/message-search.ts'
import { RecentRefusals } from '../../../../src/operator/why/recent-refusals.ts'
import { type StoredFacts, storedSentences } from '../../../../src/operator/why/sentences.ts'
import { ChannelSetRig } from '../../../support/channels/channel-set-rig.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const AT = Date.UTC(2026, 0, 31, 12)

const attempt = (result: Attempt['result'], refusal?: Attempt['refusal']): Attempt => ({
  at: AT,
  durationMs: 12.4,
  result,
  refusal,
})

function sentencesOf(change: Partial<StoredFacts> = {}, attempts: Attempt[] = []): string[] {
  const destination = { name: 'cloud', isPrimary: true, before: 0, attempts }
  return storedSentences({
    channel: 'c',
    message: {
      offset: 7,
      receivedAt: AT,
      topic: 't',
      senderId: 'é',
      messageId: '0000abcd-7',
      payload: Buffer.alloc(0),
      reply: undefined,
    },
    destinations: [{ ...destination, state: 'settled' }],
    drops: [],
    trailSince: AT,
    reports: 'all',
    ...change,
  })
}

test('a delivered message is explained with its ids, its attempts and its receipt', () => {
  const away = { error: 'DestinationUnavailable', message: 'away' }

  assert.deepEqual(sentencesOf({}, [attempt('kept', away), attempt('accepted')]), [
    'Received 2026-01-31T12:00:00.000Z on topic t, stored in channel c at offset 7 (message id 0000abcd-7, sender’s id é).',
    'Sent to cloud 2026-01-31T12:00:00.000Z, answered after 12 ms: not accepted, to be sent again: DestinationUnavailable: away',
    'Sent to cloud 2026-01-31T12:00:00.000Z, answered after 12 ms: accepted.',
    'Its receipt said success.',
  ])
})

test('an unknown history is said to be unknown', () => {
  const [, settled] = sentencesOf()

  assert.match(
    String(settled),
    /^It is settled for cloud: delivered, unless it is among the dead letters/,
  )
})

test('a waiting message is explained with the number before it, and has no receipt yet', () => {
  const destinations = [
    { name: 'cloud', isPrimary: true, state: 'waiting', before: 3, attempts: [] },
  ] as const

  assert.deepEqual(sentencesOf({ destinations }).slice(1), [
    'It waits for cloud, with 3 messages before it.',
    'It has no receipt yet.',
  ])
})

test('of many attempts only the first and the last ones are listed', () => {
  const sentences = sentencesOf({}, [
    ...Array.from({ length: 50 }, () => attempt('kept')),
    attempt('accepted'),
  ])

  assert.equal(sentences.length, 9)
  assert.equal(sentences[2], '… and 45 more attempts for cloud.')
})

test('without a destination a message stays, and with StatusReports none it gets no receipt', () => {
  assert.deepEqual(sentencesOf({ destinations: [], reports: 'none' }).slice(1), [
    'There is no destination: the message stays in the local store.',
    'It gets no receipt: StatusReports is none.',
  ])
})

test('a message is found by either id, the newest first, and the bound of the search is reported', async () => {
  const rig = new ChannelSetRig({ keepsHistory: true })
  await rig.set.open()
  for (let i = 0; i < 5_000; i += 1) rig.offer(i % 2 === 0 ? 'a' : 'b', `m${i}`, 'x'.repeat(100))
  await rig.set.flush()
  const offsetsOf = async (id: string, bounds?: { maxBytes: number; maxMs: number }) => {
    const { found, isComplete } = await findMessages(rig.set, id, rig.clock, bounds)
    const places = found.map(({ channel, message }) => `${channel.name} ${message.offset}`)
    return { places, isComplete }
  }
  const generated = `${rig.set.get('b')?.log.id}-3`

  assert.deepEqual(await offsetsOf('m4999'), { places: ['b 2499'], isComplete: false })
  assert.deepEqual(await offsetsOf('m0'), { places: ['a 0'], isComplete: true })
  assert.deepEqual(await offsetsOf('nobody'), { places: [], isComplete: true })
  assert.deepEqual(
    await offsetsOf(generated),
    { places: [], isComplete: true },
    'its sender gave it an id',
  )
  assert.deepEqual(await offsetsOf('m0', { maxBytes: 1_000, maxMs: 1_000 }), {
    places: [],
    isComplete: false,
  })
})

test('refusals are remembered by id, the last ones', () => {
  const clock = new ManualClock(AT)
  const refusals = new RecentRefusals(clock, { maxRefusals: 2, maxBytes: 1_000_000 })
  const passedOn: string[] = []
  const sink = refusals.watching({
    expectReply() {},
    failure: (senderId) => void passedOn.push(String(senderId)),
  })
  const refusal = { error: 'InvalidMessage', message: 'no' }

  for (const id of ['one', 'two', 'three', undefined]) sink.failure(id, undefined, refusal)

  assert.deepEqual(passedOn, ['one', 'two', 'three', 'undefined'])
  assert.deepEqual(refusals.of('one'), [])
  assert.deepEqual(refusals.of('three'), [
    { at: AT, senderId: 'three', messageId: undefined, refusal },
  ])
})

test('refusals of messages with long ids take a bounded memory, and are found by the long id', () => {
  const clock = new ManualClock(AT)
  const refusals = new RecentRefusals(clock)
  const sink = refusals.watching({ expectReply() {}, failure() {} })
  const idOf = (i: number): string => `${i}${'x'.repeat(60_000)}`
  const before = process.memoryUsage().heapUsed

  for (let i = 0; i < 4_000; i++) {
    const refusal = { error: 'InvalidMessage', message: `${i} ${'é'.repeat(20_000)}` }
    sink.failure(idOf(i), undefined, refusal)
  }
  const grown = process.memoryUsage().heapUsed - before

  assert.ok(refusals.bytes <= 8 * 1024 * 1024, `${refusals.bytes} counted`)
  assert.ok(grown < 60_000_000, `${grown} bytes`)
  assert.equal(refusals.of(idOf(3_999)).length, 1)
  assert.equal(refusals.of(idOf(3_999))[0]?.refusal.message.length, 501)
})
