/** The tree of subscriptions against a plain model, and the turns of shared subscriptions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  nextMember,
  type Subscriber,
  Subscriptions,
} from '../../../../../src/sources/mqtt-server/topics/subscriptions.ts'
import { matches, topicFilter, topicName } from '../../../../support/mqtt/topic-matching.ts'

const OPTIONS = { qos: 0, noLocal: false, retainAsPublished: false, identifier: undefined } as const

function subscriber(isOnline = true): Subscriber {
  return { isOnline, isKept: false, deliver() {} }
}

function cached(name: string) {
  return { name, audience: undefined, audienceVersion: -1 }
}

test('a subscriber is in the audience exactly while one of its filters matches', () => {
  const change = fc.record({
    who: fc.nat(3),
    filter: topicFilter,
    group: fc.constantFrom('', '$share/g/'),
    isAdded: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), fc.array(topicName), (changes, topics) => {
      const subscriptions = new Subscriptions()
      const subscribers = [0, 1, 2, 3].map(() => subscriber())
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
            [...(model[i] ?? [])].some((f) => !f.startsWith('$share') && matches(f, topic)),
          )
          assert.deepEqual(
            new Set(recipients.map((recipient) => recipient.subscriber)),
            new Set(direct),
          )
          assert.equal(recipients.length, direct.length)
          const sharing = model.flatMap((filters, i) =>
            [...filters]
              .filter((f) => f.startsWith('$share/g/') && matches(f.slice(9), topic))
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

test('several matching filters of one subscriber make one recipient with the best of each option', () => {
  const subscriptions = new Subscriptions()
  const one = subscriber()
  subscriptions.add(one, 'a/+', { ...OPTIONS, noLocal: true, identifier: 1 })
  subscriptions.add(one, 'a/#', { ...OPTIONS, qos: 2, retainAsPublished: true, identifier: 2 })

  const { recipients } = subscriptions.audienceOf(cached('a/b'))

  assert.equal(recipients.length, 1)
  const [{ identifiers, ...options }] = recipients as [(typeof recipients)[number]]
  assert.deepEqual([...identifiers].sort(), [1, 2])
  assert.deepEqual(options, { subscriber: one, qos: 2, noLocal: false, retainAsPublished: true })
})

test('the members of a group take turns, and one that is offline only if no other is left', () => {
  const subscriptions = new Subscriptions()
  const [first, second, away] = [subscriber(), subscriber(), subscriber(false)]
  for (const member of [first, away, second]) subscriptions.add(member, '$share/g/a', OPTIONS)
  const turns = (count: number) => {
    const [group] = subscriptions.audienceOf(cached('a')).groups
    assert.ok(group)
    return Array.from({ length: count }, () => nextMember(group)?.subscriber)
  }

  assert.deepEqual(turns(4), [first, second, first, second])
  subscriptions.remove(first, '$share/g/a')
  subscriptions.remove(second, '$share/g/a')
  assert.deepEqual(turns(2), [away, away])
})

test('a cached audience is used until any subscription changes', () => {
  const subscriptions = new Subscriptions()
  subscriptions.add(subscriber(), 'a', OPTIONS)
  const topic = cached('a')

  const before = subscriptions.audienceOf(topic)
  const again = subscriptions.audienceOf(topic)
  subscriptions.add(subscriber(), 'elsewhere', OPTIONS)
  const after = subscriptions.audienceOf(topic)

  assert.equal(again, before)
  assert.notEqual(after, before)
  assert.equal(after.recipients.length, 1)
})

test('topics hold a bounded number of recipients together, and none after a change', () => {
  const subscriptions = new Subscriptions(undefined, undefined, 1_000)
  for (let i = 0; i < 30; i++) subscriptions.add(subscriber(), '#', OPTIONS)
  const topics = Array.from({ length: 500 }, (_, i) => cached(`t/${i}`))
  const held = () => topics.filter(({ audience }) => audience !== undefined).length

  for (const topic of topics) {
    assert.equal(subscriptions.audienceOf(topic).recipients.length, 30)
    assert.ok(30 * held() <= 1_000)
  }
  const last = topics.at(-1) ?? cached('t')
  assert.equal(subscriptions.audienceOf(last), subscriptions.audienceOf(last))
  subscriptions.add(subscriber(), 'other', OPTIONS)

  assert.equal(held(), 0)
})
