/** What waits for subscribers: how all queues share one bound. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS } from '../../../../../src/sources/mqtt-server/limits/limits.ts'
import { Owner } from '../../../../../src/sources/mqtt-server/limits/owner.ts'
import {
  OutgoingQueue,
  QueueTotal,
} from '../../../../../src/sources/mqtt-server/sessions/outgoing-queue.ts'
import type { Publication } from '../../../../../src/sources/mqtt-server/topics/publication.ts'
import { publicationOf } from '../../../../support/mqtt/publications.ts'

const LONG = publicationOf({ payload: Buffer.alloc(100_000), qos: 1 })
const SHORT = publicationOf({ payload: Buffer.alloc(100), qos: 1 })
const LIMITS = DEFAULT_LIMITS

function deliveryOf(publication: Publication) {
  return { sequence: 0, qos: 1, retain: false, identifiers: [], publication } as const
}

function queueOf(owner: Owner, total: QueueTotal): OutgoingQueue {
  return new OutgoingQueue(LIMITS, total, owner)
}

/** Offers messages until no more is taken, and returns how many were. */
function fill(queue: OutgoingQueue, publication = LONG): number {
  let count = 0
  while (queue.offer(deliveryOf(publication))) count++
  return count
}

test('subscribers that leave their messages unread hold no room of one that reads them', () => {
  const total = new QueueTotal(LIMITS)
  for (let i = 0; i < 100; i++) fill(queueOf(new Owner(undefined), total))
  for (let i = 0; i < 100; i++) fill(queueOf(new Owner(undefined), total), SHORT)
  const polite = queueOf(new Owner(undefined), total)

  for (let i = 0; i < 100; i++) {
    assert.equal(polite.offer(deliveryOf(LONG)), true)
    const next = polite.take(0)
    assert.ok(next)
    polite.complete(polite.send(next))
  }

  assert.ok(total.bytes <= LIMITS.maxQueuedBytesOfAll)
})

test('one user with many sessions holds no more than half of the room of all', () => {
  const total = new QueueTotal(LIMITS)
  const owner = new Owner('greedy')
  for (let i = 0; i < 50; i++) fill(queueOf(owner, total))
  const other = queueOf(new Owner('other'), total)

  const count = fill(other)

  assert.ok(owner.queuedBytes <= LIMITS.maxQueuedBytesOfAll / 2)
  assert.ok(count * LONG.heldBytes > LIMITS.maxQueuedBytes / 4, `${count} messages`)
})

test('the offline sessions of a user leave room for its session that is read', () => {
  const total = new QueueTotal(LIMITS)
  const owner = new Owner('fleet')
  for (let i = 0; i < 50; i++) fill(queueOf(owner, total))

  assert.equal(queueOf(owner, total).offer(deliveryOf(LONG)), true)
})

test('a subscriber that is alone may fill its own queue', () => {
  const queue = queueOf(new Owner(undefined), new QueueTotal(LIMITS))

  const count = fill(queue)

  assert.equal(count, Math.floor(LIMITS.maxQueuedBytes / LONG.heldBytes))
})

test('messages that waited before a restart keep their room, whatever others hold', () => {
  const total = new QueueTotal(LIMITS)
  const restored = Array.from({ length: 20 }, () => {
    const queue = queueOf(new Owner(undefined), total)
    for (let i = 0; i < 60; i++) queue.restoreWaiting(deliveryOf(LONG))
    return queue
  })

  for (const queue of restored) assert.equal(queue.waitingCount, 60)
})
