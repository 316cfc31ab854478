/**
 * The contract of every destination, with any protocol: `src/destinations/destination.ts`. A case
 * that needs a control which the peer does not have is listed as skipped.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeBatch } from '../support/channels/batch-maker.ts'
import { IMPATIENT_MS } from '../support/destinations/timeouts.ts'
import { testFailures } from './destination-failures.contract.ts'
import { testResends } from './destination-resends.contract.ts'
import {
  AT_ONCE_MS,
  deliver,
  idle,
  isRetryable,
  NOTHING_LEFT,
  openedBy,
  type SetUp,
} from './destination-under-test.ts'

export type { PeerUnderTest } from './destination-under-test.ts'

export function destinationContract(name: string, setUp: SetUp): void {
  const opened = openedBy(setUp)

  describe(`destination contract: ${name}`, () => {
    test('a batch arrives whole and in order', async (t) => {
      const { destination, peer } = await opened(t)
      const batch = makeBatch('contract', Math.min(destination.batchRule.maxMessages, 100))

      const outcome = await deliver(destination, batch, idle)

      assert.deepEqual(outcome, { rejected: [], kept: [] })
      assert.deepEqual(
        (await peer.received('contract')).map(({ messageId, payload }) => [
          messageId,
          String(payload),
        ]),
        batch.messages.map(({ messageId, payload }) => [messageId, String(payload)]),
      )
    })

    test('refused messages are rejected or kept by index, the others accepted', async (t) => {
      const { destination, peer } = await opened(t)
      const batch = makeBatch('contract', 5)
      const idAt = (index: number) => batch.messages[index]!.messageId
      if (peer.refuse === undefined) return t.skip('the peer accepts all of a batch or nothing')
      await peer.refuse([idAt(1)], [idAt(3), idAt(4)])

      const outcome = await deliver(destination, batch, idle)

      assert.deepEqual(
        outcome.rejected.map(({ index }) => index),
        [1],
      )
      assert.ok(outcome.rejected[0]!.refusal.error.length > 0)
      assert.ok(outcome.rejected[0]!.refusal.message.length > 0)
      assert.deepEqual(outcome.kept, [3, 4])
      assert.deepEqual(
        (await peer.received('contract')).map(({ messageId }) => messageId),
        [idAt(0), idAt(2)],
      )
    })

    test('a failure that may pass keeps the whole batch, and the next send succeeds', async (t) => {
      const { destination, peer } = await opened(t)
      const batch = makeBatch('contract', 3)

      await peer.fail()
      await assert.rejects(deliver(destination, batch, idle), isRetryable)
      await peer.recover()
      const outcome = await deliver(destination, batch, idle)

      assert.deepEqual(outcome, { rejected: [], kept: [] })
    })

    test('a peer that never answers does not hold a send indefinitely', async (t) => {
      const { destination, peer, maxSendMs } = await opened(t, IMPATIENT_MS)
      await peer.hang()
      const begun = performance.now()

      await assert.rejects(deliver(destination, makeBatch('contract', 3), idle), isRetryable)

      assert.ok(performance.now() - begun < maxSendMs)
    })

    test('an aborted send settles at once, and the destination can still be used', async (t) => {
      const { destination, peer } = await opened(t)
      const abort = new AbortController()
      await peer.hang()
      const begun = performance.now()

      const sent = deliver(destination, makeBatch('contract', 3), abort.signal)
      const refused = assert.rejects(sent, isRetryable)
      await peer.reached()
      abort.abort()
      await refused
      assert.ok(performance.now() - begun < AT_ONCE_MS)

      await peer.recover()
      assert.deepEqual(await deliver(destination, makeBatch('other', 1), idle), NOTHING_LEFT)
    })

    test('a send that is aborted before it begins sends nothing', async (t) => {
      const { destination, peer } = await opened(t)

      await assert.rejects(
        deliver(destination, makeBatch('contract', 1), AbortSignal.abort()),
        isRetryable,
      )

      assert.deepEqual(await peer.received('contract'), [])
    })

    test('channels are sent at the same time without hindering each other', async (t) => {
      const { destination, peer } = await opened(t)
      const channels = Array.from({ length: 10 }, (_, index) => `channel_${index}`)

      const outcomes = await Promise.all(
        channels.map((channel) => deliver(destination, makeBatch(channel, 7), idle)),
      )

      for (const outcome of outcomes) assert.deepEqual(outcome, NOTHING_LEFT)
      for (const channel of channels) assert.equal((await peer.received(channel)).length, 7)
    })

    test('open and close may be called again, and close is quick while a peer hangs', async (t) => {
      const { destination, peer } = await opened(t)
      await destination.open()
      const abort = new AbortController()
      await peer.hang()
      const sent = assert.rejects(deliver(destination, makeBatch('contract', 1), abort.signal))
      await peer.reached()
      const begun = performance.now()

      abort.abort()
      await sent
      await destination.close()
      await destination.close()

      assert.ok(performance.now() - begun < AT_ONCE_MS)
    })

    testFailures(opened)
    testResends(opened)
  })
}
