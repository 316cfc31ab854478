/** Order, slow peers, and batches that may have arrived although their answer did not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchOf, makeBatch, makeMessage } from '../support/channels/batch-maker.ts'
import { IMPATIENT_MS } from '../support/destinations/timeouts.ts'
import {
  deliver,
  idle,
  idsOf,
  idsReceived,
  isRetryable,
  NOTHING_LEFT,
  type Opened,
} from './destination-under-test.ts'

const SLOW_BY_MS = 50

export function testResends(opened: Opened): void {
  test('batches of a channel arrive in the order in which they were sent', async (t) => {
    const { destination, peer } = await opened(t)
    const size = Math.min(destination.batchRule.maxMessages, 20)
    const messages = Array.from({ length: 5 * size }, (_, offset) => makeMessage(offset))

    for (let from = 0; from < messages.length; from += size) {
      const batch = batchOf('contract', messages.slice(from, from + size))
      assert.deepEqual(await deliver(destination, batch, idle), NOTHING_LEFT)
    }

    assert.deepEqual(await idsReceived(peer, 'contract'), idsOf(messages))
  })

  test('a batch whose answer is lost is kept; sent again, all of it is there', async (t) => {
    const { destination, peer, recognisesResends = false } = await opened(t)
    if (peer.loseAnswers === undefined) return t.skip('the peer’s answers can’t be lost')
    const batch = makeBatch('contract', 7)

    await peer.loseAnswers()
    await assert.rejects(deliver(destination, batch, idle), isRetryable)
    await peer.recover()
    assert.deepEqual(await deliver(destination, batch, idle), NOTHING_LEFT)

    const received = await idsReceived(peer, 'contract')
    const sent = idsOf(batch.messages)
    assert.deepEqual(new Set(received), new Set(sent))
    if (recognisesResends) assert.deepEqual(received, sent)
  })

  test('what follows a batch whose answer was lost arrives too', async (t) => {
    const { destination, peer, recognisesResends = false } = await opened(t)
    if (peer.loseAnswers === undefined) return t.skip('the peer’s answers can’t be lost')
    const messages = Array.from({ length: 10 }, (_, offset) => makeMessage(offset))
    const { isPlanned = false } = destination.batchRule

    await peer.loseAnswers()
    const lost = deliver(destination, batchOf('contract', messages.slice(0, 4)), idle)
    await assert.rejects(lost, isRetryable)
    await peer.recover()
    // After a crash, a batch that is not planned may have other boundaries.
    const pieces = isPlanned ? [messages.slice(0, 4), messages.slice(4)] : [messages]
    for (const piece of pieces) {
      assert.deepEqual(await deliver(destination, batchOf('contract', piece), idle), NOTHING_LEFT)
    }

    const received = await idsReceived(peer, 'contract')
    assert.deepEqual(new Set(received), new Set(idsOf(messages)))
    if (recognisesResends) assert.deepEqual(received, idsOf(messages))
  })

  test('a peer that answers slowly gets every message once', async (t) => {
    const { destination, peer } = await opened(t)
    if (peer.slow === undefined) return t.skip('the peer can’t be slowed down')
    await peer.slow(SLOW_BY_MS)
    const batch = makeBatch('contract', 3)

    assert.deepEqual(await deliver(destination, batch, idle), NOTHING_LEFT)

    assert.deepEqual(await idsReceived(peer, 'contract'), idsOf(batch.messages))
  })

  test('the position of an unknown log is 0, and after a batch it is the end of it', async (t) => {
    const { destination } = await opened(t)
    if (destination.position === undefined) return t.skip('the destination records no position')
    const batch = makeBatch('contract', 7)

    assert.equal(await destination.position('contract', batch.logId, idle), 0)
    assert.deepEqual(await deliver(destination, batch, idle), NOTHING_LEFT)
    assert.equal(await destination.position('contract', batch.logId, idle), 7)
    assert.equal(await destination.position('contract', 'ffffffff', idle), 0)
  })

  test('the position is not awaited indefinitely if the peer hangs', async (t) => {
    const { destination, peer, maxSendMs } = await opened(t, IMPATIENT_MS)
    if (destination.position === undefined) return t.skip('the destination records no position')
    await peer.hang()
    const begun = performance.now()
    await assert.rejects(destination.position('contract', '0a1b2c3d', idle), isRetryable)
    assert.ok(performance.now() - begun < maxSendMs)
  })
}
