/** The trees of filters and of retained messages, the acknowledgement book and the frame reader against plain models. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  PendingAcks,
  withFailure,
} from '../../../../../src/sources/mqtt-server/handlers/pending-acks.ts'
import {
  type FrameHandler,
  FrameReader,
} from '../../../../../src/sources/mqtt-server/packets/frame-reader.ts'
import { isTopicFilter } from '../../../../../src/sources/mqtt-server/packets/topic.ts'
import { Publication } from '../../../../../src/sources/mqtt-server/topics/publication.ts'
import { RetainedMessages } from '../../../../../src/sources/mqtt-server/topics/retained-messages.ts'
import {
  type Subscriber,
  Subscriptions,
} from '../../../../../src/sources/mqtt-server/topics/subscriptions.ts'
import { TopicCache } from '../../../../../src/sources/mqtt-server/topics/topic-cache.ts'
import { frame } from '../../../../support/mqtt/mqtt-wire.ts'

/** Section 4.7, word by word. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[#+]/.test(filter)) return false
  const filters = filter.split('/')
  const names = topic.split('/')
  for (const [i, level] of filters.entries()) {
    if (level === '#') return true
    if (i >= names.length) return false
    if (level !== '+' && level !== names[i]) return false
  }
  // `a/#` matches `a` too
  return filters.length === names.length
}

function matchesWithParent(filter: string, topic: string): boolean {
  return matches(filter, topic) || (filter.endsWith('/#') && matches(filter.slice(0, -2), topic))
}

const level = fc.constantFrom('a', 'b', '', '$s')
const topicName = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((topic) => topic.length > 0)
const topicFilter = fc
  .array(fc.constantFrom('a', 'b', '', '$s', '+', '#'), { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter(isTopicFilter)
const OPTIONS = { qos: 0, noLocal: false, retainAsPublished: false, identifier: undefined } as const

function subscriber(): Subscriber {
  return { isOnline: true, deliver() {} }
}

function cached(name: string) {
  return { name, audience: undefined, audienceVersion: -1 }
}

test('whoever has a matching filter is in the audience, and nobody else, through all changes', () => {
  const change = fc.record({
    who: fc.nat(3),
    filter: topicFilter,
    group: fc.constantFrom('', '$share/g/'),
    isAdded: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), fc.array(topicName), (changes, topics) => {
      const subscriptions = new Subscriptions()
      const subscribers = [0, 1, 2, 3].map(subscriber)
      const model = subscribers.map(() => new Set<string>())
      const kept = new Map(topics.map((topic) => [topic, cached(topic)]))
      for (const { who, filter, group, isAdded } of changes) {
        const full = group + filter
        const one = subscribers[who] ?? subscriber()
        if (isAdded) {
          subscriptions.add(one, full, OPTIONS)
          model[who]?.add(full)
        } else {
          subscriptions.remove(one, full)
          model[who]?.delete(full)
        }
        for (const [topic, entry] of kept) {
          const { recipients, groups } = subscriptions.audienceOf(entry)
          const direct = subscribers.filter((_, i) =>
            [...(model[i] ?? [])].some(
              (f) => !f.startsWith('$share') && matchesWithParent(f, topic),
            ),
          )
          assert.deepEqual(
            new Set(recipients.map((recipient) => recipient.subscriber)),
            new Set(direct),
          )
          assert.equal(recipients.length, direct.length)
          const sharing = model.flatMap((filters, i) =>
            [...filters]
              .filter((f) => f.startsWith('$share/g/') && matchesWithParent(f.slice(9), topic))
              .map((f) => `${i} ${f}`),
          )
          assert.equal(
            groups.reduce((sum, { members }) => sum + members.size, 0),
            sharing.length,
          )
        }
      }
      assert.equal(
        subscriptions.count,
        model.reduce((sum, filters) => sum + filters.size, 0),
      )
    }),
    { numRuns: 300 },
  )
})

test('a filter finds the retained messages it matches, and bounds hold', () => {
  const limits = { maxRetainedMessages: 6, maxRetainedBytes: 10_000 }
  const store = fc.record({ topic: topicName, payload: fc.constantFrom('', 'x', 'yy') })
  fc.assert(
    fc.property(fc.array(store, { maxLength: 30 }), topicFilter, (stores, filter) => {
      const retained = new RetainedMessages(limits)
      const model = new Map<string, string>()
      for (const { topic, payload } of stores) {
        const bytes = Buffer.from(payload)
        const envelope = {
          bytes,
          payloadStart: 0,
          end: bytes.length,
          qos: 0,
          retain: true,
          properties: {},
        } as const
        const place = { name: topic, bytes: Buffer.from(topic) }
        const isStored = retained.store(new Publication(place, envelope, undefined))
        model.delete(topic)
        assert.equal(isStored, payload === '' || model.size < limits.maxRetainedMessages)
        if (payload !== '' && isStored) model.set(topic, payload)
      }
      assert.equal(retained.count, model.size)
      const expected = [...model.keys()].filter((topic) => matchesWithParent(filter, topic))
      const found = retained.matching(filter, 0).map(({ topic }) => topic.name)
      assert.deepEqual(found.toSorted(), expected.toSorted())
    }),
    { numRuns: 500 },
  )
})

test('acknowledgements come out in their order, each with its cycle', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('add' as const),
      isNextCycle: fc.boolean(),
      isWaiting: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('take' as const), behind: fc.nat(2) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const acks = new PendingAcks()
      let model: { cycle: number; id: number }[] = []
      let cycle = 0
      let id = 0
      for (const action of steps) {
        if (action.kind === 'add') {
          if (action.isNextCycle) cycle++
          id++
          acks.add(action.isWaiting ? cycle : -1, 0x40, id)
          const last = model.at(-1)
          model.push({ cycle: Math.max(last?.cycle ?? -1, action.isWaiting ? cycle : -1), id })
        } else {
          const due = cycle - action.behind
          const bytes = acks.take(due) ?? Buffer.alloc(0)
          const ids: number[] = []
          for (let at = 0; at < bytes.length; at += 4) ids.push(bytes.readUInt16BE(at + 2))
          assert.deepEqual(
            ids,
            model.filter((ack) => ack.cycle <= due).map((ack) => ack.id),
          )
          model = model.filter((ack) => ack.cycle > due)
        }
        assert.equal(acks.pubackCount, model.length)
        assert.equal(acks.isEmpty, model.length === 0)
      }
    }),
  )
})

test('of a failed cycle only the plain acknowledgements fail, and their QoS 2 ids are free again', () => {
  const acks = Buffer.concat([
    frame(0x40, [0, 1]),
    frame(0x40, [0, 2, 0x97, 0]),
    frame(0x50, [0, 3]),
    frame(0x40, [0, 4, 0x00]),
  ])
  const released: number[] = []

  const failed = withFailure(acks, 0x83, (id) => released.push(id))

  assert.equal(
    failed.toString('hex'),
    '4003000183' + '4004000297' + '00' + '5003000383' + '4003000400',
  )
  assert.deepEqual(released, [3])
})

test('frames are the same however the stream is cut', () => {
  const body = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
  const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 50 })
  fc.assert(
    fc.property(fc.array(body, { maxLength: 20 }), cuts, (bodies, sizes) => {
      const stream = Buffer.concat(bodies.map((bytes) => frame(0x30, bytes)))
      const got: string[] = []
      const handler: FrameHandler = {
        frame(first, bytes, start, end) {
          got.push(`${first} ${bytes.subarray(start, end).toString('hex')}`)
          return true
        },
      }
      const reader = new FrameReader(handler, 1_000)
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] ?? 1
        reader.push(Buffer.from(stream.subarray(at, at + size)))
        at += size
      }
      assert.deepEqual(
        got,
        bodies.map((bytes) => `48 ${bytes.toString('hex')}`),
      )
    }),
  )
})

test('the topic cache knows a topic again by its bytes and never mistakes one for another', () => {
  let lookUps = 0
  const intake = {
    route() {
      lookUps++
      return undefined
    },
  }
  const cache = new TopicCache(intake, ['secret'])
  const bytes = Buffer.from('padding/a/b/padding')

  const first = cache.find(bytes, 8, 11)
  const again = cache.find(Buffer.from('a/b'), 0, 3)
  for (let i = 0; i < 20_000; i++) {
    const name = Buffer.from(`topic/${i}`)
    assert.equal(cache.find(name, 0, name.length).name, `topic/${i}`)
  }

  assert.equal(first, again)
  assert.equal(first.name, 'a/b')
  assert.equal(lookUps, 20_001)
  assert.equal(cache.named('secret').isProtected, true)
})
