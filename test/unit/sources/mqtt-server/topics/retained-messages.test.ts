/** The tree of retained messages: against a plain model, and its bounds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Owner } from '../../../../../src/sources/mqtt-server/limits/owner.ts'
import type { Publication } from '../../../../../src/sources/mqtt-server/topics/publication.ts'
import { RetainedMessages } from '../../../../../src/sources/mqtt-server/topics/retained-messages.ts'
import { publicationOf } from '../../../../support/mqtt/publications.ts'
import { matches, topicFilter, topicName } from '../../../../support/mqtt/topic-matching.ts'

const LIMITS = { maxRetainedMessages: 100, maxRetainedBytes: 1_000_000 }

function matching(retained: RetainedMessages, filter: string, nowMs = 0): Publication[] {
  const search = retained.search(filter)
  const found: Publication[] = []
  // Three nodes at a time, as a replay does that goes on in a later turn.
  while (!search.isDone) {
    const message = search.next(nowMs, 3)
    if (message !== undefined) found.push(message)
  }
  return found
}

test('a filter finds the retained messages it matches, and bounds hold', () => {
  const limits = { maxRetainedMessages: 6, maxRetainedBytes: 10_000 }
  const store = fc.record({ topic: topicName, payload: fc.constantFrom('', 'x', 'yy') })
  fc.assert(
    fc.property(fc.array(store, { maxLength: 30 }), topicFilter, (stores, filter) => {
      const retained = new RetainedMessages(limits)
      const model = new Map<string, string>()
      for (const { topic, payload } of stores) {
        const isStored = retained.store(publicationOf({ topic, payload, retain: true }))
        model.delete(topic)
        assert.equal(isStored, payload === '' || model.size < limits.maxRetainedMessages)
        if (payload !== '' && isStored) model.set(topic, payload)
      }
      assert.equal(retained.count, model.size)
      const expected = [...model.keys()].filter((topic) => matches(filter, topic))
      const found = matching(retained, filter).map(({ topic }) => topic.name)
      assert.deepEqual(found.toSorted(), expected.toSorted())
    }),
    { numRuns: 500 },
  )
})

test('an expired message is not found any more', () => {
  const retained = new RetainedMessages(LIMITS)
  retained.store(publicationOf({ topic: 'a', expiresAtMs: 1_000 }))
  retained.store(publicationOf({ topic: 'b' }))

  assert.equal(matching(retained, '#', 999).length, 2)
  assert.deepEqual(
    matching(retained, '#', 1_000).map(({ topic }) => topic.name),
    ['b'],
  )
})

test('the bytes of a removed or replaced message are free again', () => {
  const big = (topic: string) => publicationOf({ topic, payload: 'x'.repeat(2_000) })
  const maxRetainedBytes = big('a').heldBytes
  const retained = new RetainedMessages({ ...LIMITS, maxRetainedBytes })

  assert.equal(retained.store(big('a')), true)
  assert.equal(retained.store(big('b')), false)
  assert.equal(retained.store(big('a')), true)
  retained.store(publicationOf({ topic: 'a', payload: '' }))
  assert.equal(retained.store(big('b')), true)
  assert.equal(retained.count, 1)
})

test('a message that does not fit takes away the one that its topic had', () => {
  const maxRetainedBytes = publicationOf({ topic: 'a' }).heldBytes
  const retained = new RetainedMessages({ ...LIMITS, maxRetainedBytes })
  retained.store(publicationOf({ topic: 'a' }))

  assert.equal(retained.store(publicationOf({ topic: 'a', payload: 'too long' })), false)
  assert.deepEqual(matching(retained, 'a'), [])
})

test('a filter visits only the levels it can match', () => {
  const retained = new RetainedMessages(LIMITS)
  for (let i = 0; i < 50; i++) retained.store(publicationOf({ topic: `plant/${i}/state` }))
  const costOf = (filter: string) => {
    const search = retained.search(filter)
    while (!search.isDone) search.next(0)
    return search.visited
  }

  assert.equal(costOf('plant/7/state'), 4)
  assert.equal(costOf('other/#'), 1)
  assert.equal(costOf('plant/+/state'), 102)
})

test('a search that is interrupted leaves out what was retained, replaced or removed meanwhile', () => {
  const retained = new RetainedMessages(LIMITS)
  for (const topic of ['a', 'b', 'c']) retained.store(publicationOf({ topic }))
  const search = retained.search('#')
  const first = search.next(0)
  const others = ['a', 'b', 'c'].filter((topic) => topic !== first?.topic.name)

  retained.store(publicationOf({ topic: others[0] ?? '', payload: 'new' }))
  retained.store(publicationOf({ topic: others[1] ?? '', payload: '' }))
  retained.store(publicationOf({ topic: 'd' }))

  assert.equal(search.next(0), undefined)
  assert.equal(search.isDone, true)
})

test('users who retain as much as they can leave room for one who retains little', () => {
  const released: Owner[] = []
  const retained = new RetainedMessages(LIMITS, (owner) => released.push(owner))
  const greedy = [new Owner('a'), new Owner('b'), new Owner('c')]
  for (const owner of greedy) {
    for (let i = 0; i < 100; i++) {
      retained.store(publicationOf({ topic: `${owner.name}/${i}` }), owner)
    }
  }
  const polite = new Owner('polite')

  assert.equal(greedy[0]?.retainedMessages, 50)
  assert.equal(retained.store(publicationOf({ topic: 'state' }), polite), true)
  assert.equal(retained.store(publicationOf({ topic: 'state', payload: 'new' }), polite), true)
  assert.equal(polite.retainedMessages, 1)
  retained.store(publicationOf({ topic: 'state', payload: '' }), greedy[0])
  assert.equal(polite.holdsNothing, true)
  assert.equal(released.at(-1), polite)
})
