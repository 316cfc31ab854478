/** What a destination makes of a peer that refuses, and how `check` reports it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchOf, makeBatch, makeMessage } from '../support/channels/batch-maker.ts'
import { IMPATIENT_MS } from '../support/destinations/timeouts.ts'
import {
  AT_ONCE_MS,
  deliver,
  deliverDivided,
  idle,
  idsOf,
  idsReceived,
  isRetryable,
  keptWith,
  NOTHING_LEFT,
  type Opened,
} from './destination-under-test.ts'

const CREDENTIALS = keptWith('DestinationDenied', 'CredentialsUnavailable')
const MISSING = keptWith('DestinationMissing')
const NO_CHECK = 'the destination has no check'

export function testFailures(opened: Opened): void {
  test('wrong credentials keep the batch, and it arrives once they are right', async (t) => {
    const { destination, peer } = await opened(t)
    if (peer.deny === undefined) return t.skip('the peer asks for no credentials')
    const batch = makeBatch('contract', 3)

    await peer.deny()
    await assert.rejects(deliver(destination, batch, idle), CREDENTIALS)
    await peer.recover()

    assert.deepEqual(await deliver(destination, batch, idle), NOTHING_LEFT)
    assert.deepEqual(await idsReceived(peer, 'contract'), idsOf(batch.messages))
  })

  test('a missing target keeps the batch, and it arrives once the target is there', async (t) => {
    const { destination, peer } = await opened(t)
    if (peer.miss === undefined) return t.skip('the peer has no target that could be missing')
    const batch = makeBatch('contract', 3)

    await peer.miss()
    await assert.rejects(deliver(destination, batch, idle), MISSING)
    await peer.recover()

    assert.deepEqual(await deliver(destination, batch, idle), NOTHING_LEFT)
    assert.deepEqual(await idsReceived(peer, 'contract'), idsOf(batch.messages))
  })

  test('a message that poisons its batch is rejected, and all others arrive once', async (t) => {
    const { destination, peer } = await opened(t)
    if (peer.poison === undefined) return t.skip('the peer accepts any content')
    const { messages } = makeBatch('contract', 13)
    await peer.poison([messages[5]?.messageId ?? ''])

    const outcome = await deliverDivided(destination, batchOf('contract', messages))

    assert.deepEqual(outcome.kept, [])
    assert.deepEqual(
      outcome.rejected.map(({ index }) => index),
      [5],
    )
    const others = messages.filter((_, index) => index !== 5)
    assert.deepEqual((await idsReceived(peer, 'contract')).toSorted(), idsOf(others).toSorted())
  })

  test('a message that is too large for the peer is rejected, and all others arrive', async (t) => {
    const { destination, peer, tooLargeBytes } = await opened(t)
    if (tooLargeBytes === undefined) return t.skip('the peer takes messages of any length')
    const messages = Array.from({ length: 5 }, (_, offset) =>
      makeMessage(offset, offset === 2 ? { payload: Buffer.alloc(tooLargeBytes, 'x') } : {}),
    )

    const outcome = await deliverDivided(destination, batchOf('contract', messages))

    assert.deepEqual(outcome.kept, [])
    assert.deepEqual(
      outcome.rejected.map(({ index }) => index),
      [2],
    )
    const others = messages.filter((_, index) => index !== 2)
    assert.deepEqual((await idsReceived(peer, 'contract')).toSorted(), idsOf(others).toSorted())
  })

  test('check succeeds while the peer is well, and sends no message', async (t) => {
    const { destination, peer } = await opened(t)
    if (destination.check === undefined) return t.skip(NO_CHECK)

    await destination.check(idle)

    assert.deepEqual(await peer.received('contract'), [])
  })

  test('check reports wrong credentials and a missing target', async (t) => {
    const { destination, peer } = await opened(t)
    if (destination.check === undefined) return t.skip(NO_CHECK)
    if (peer.deny !== undefined) {
      await peer.deny()
      await assert.rejects(destination.check(idle), CREDENTIALS)
      await peer.recover()
    }
    if (peer.miss !== undefined) {
      await peer.miss()
      await assert.rejects(destination.check(idle), MISSING)
      await peer.recover()
    }
    await destination.check(idle)
  })

  test('check ends in bounded time if the peer hangs, and at once when it is aborted', async (t) => {
    const { destination, peer, maxSendMs } = await opened(t, IMPATIENT_MS)
    if (destination.check === undefined) return t.skip(NO_CHECK)
    await peer.hang()
    const begun = performance.now()
    await assert.rejects(destination.check(idle), isRetryable)
    assert.ok(performance.now() - begun < maxSendMs)

    const abortedAt = performance.now()
    await assert.rejects(destination.check(AbortSignal.abort()), isRetryable)
    assert.ok(performance.now() - abortedAt < AT_ONCE_MS)
  })
}
