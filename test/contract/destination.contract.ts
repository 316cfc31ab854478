/** The contract of every destination, with any protocol: `src/destinations/destination.ts`. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { BatchOutcome, Destination } from '../../src/destinations/destination.ts'
import { ConnectorError } from '../../src/errors.ts'
import { makeBatch } from '../support/channels/batch-maker.ts'

/** The peer, with the controls that the contract needs. */
export interface PeerUnderTest {
  /** What arrived in a channel, in order. */
  received(channel: string): readonly { readonly messageId: string; readonly payload: Buffer }[]
  /** From now on accepts requests and never answers, until `recover`. */
  hang(): void
  /** Rejects messages permanently or temporarily by their ids; the others are accepted. */
  refuse(forGood: readonly string[], forNow: readonly string[]): void
  /** Fails whole batches with a temporary error, until `recover`. */
  fail(): void
  recover(): void
  /** Resolves once a request has reached it. */
  reached(): Promise<void>
}

export interface DestinationSetup {
  readonly destination: Destination
  readonly peer: PeerUnderTest
  /** One `send` takes no longer than this, whatever happens. */
  readonly maxSendMs: number
}

export function destinationContract(
  name: string,
  setUp: (t: TestContext) => Promise<DestinationSetup>,
): void {
  const idle = new AbortController().signal

  async function opened(t: TestContext): Promise<DestinationSetup> {
    const setup = await setUp(t)
    await setup.destination.open()
    t.after(() => setup.destination.close())
    return setup
  }

  describe(`destination contract: ${name}`, () => {
    test('a batch arrives whole and in order', async (t) => {
      const { destination, peer } = await opened(t)
      const batch = makeBatch('contract', Math.min(destination.batchRule.maxMessages, 100))

      const outcome = await destination.send(batch, idle)

      assert.deepEqual(outcome, { rejected: [], kept: [] })
      assert.deepEqual(
        peer.received('contract').map(({ messageId, payload }) => [messageId, String(payload)]),
        batch.messages.map(({ messageId, payload }) => [messageId, String(payload)]),
      )
    })

    test('refused messages are rejected or kept by index, the others accepted', async (t) => {
      const { destination, peer } = await opened(t)
      const batch = makeBatch('contract', 5)
      const idAt = (index: number) => batch.messages[index]!.messageId
      peer.refuse([idAt(1)], [idAt(3), idAt(4)])

      const outcome = await destination.send(batch, idle)

      assert.deepEqual(
        outcome.rejected.map(({ index }) => index),
        [1],
      )
      assert.ok(outcome.rejected[0]!.refusal.error.length > 0)
      assert.ok(outcome.rejected[0]!.refusal.message.length > 0)
      assert.deepEqual(outcome.kept, [3, 4])
      assert.deepEqual(
        peer.received('contract').map(({ messageId }) => messageId),
        [idAt(0), idAt(2)],
      )
    })

    test('a failure that may pass keeps the whole batch, and the next send succeeds', async (t) => {
      const { destination, peer } = await opened(t)
      const batch = makeBatch('contract', 3)

      peer.fail()
      await assert.rejects(destination.send(batch, idle), isRetryable)
      peer.recover()
      const outcome = await destination.send(batch, idle)

      assert.deepEqual(outcome, { rejected: [], kept: [] })
    })

    test('a peer that never answers does not hold a send indefinitely', async (t) => {
      const { destination, peer, maxSendMs } = await opened(t)
      peer.hang()
      const begun = performance.now()

      await assert.rejects(destination.send(makeBatch('contract', 3), idle), isRetryable)

      assert.ok(performance.now() - begun < maxSendMs)
    })

    test('an aborted send settles at once, and the destination can still be used', async (t) => {
      const { destination, peer, maxSendMs } = await opened(t)
      const abort = new AbortController()
      peer.hang()
      const begun = performance.now()

      const sent = destination.send(makeBatch('contract', 3), abort.signal)
      const refused = assert.rejects(sent, isRetryable)
      await peer.reached()
      abort.abort()
      await refused
      assert.ok(performance.now() - begun < maxSendMs / 2)

      peer.recover()
      assert.deepEqual(await destination.send(makeBatch('other', 1), idle), NOTHING_LEFT)
    })

    test('a send that is aborted before it begins sends nothing', async (t) => {
      const { destination, peer } = await opened(t)

      await assert.rejects(
        destination.send(makeBatch('contract', 1), AbortSignal.abort()),
        isRetryable,
      )

      assert.deepEqual(peer.received('contract'), [])
    })

    test('channels are sent at the same time without hindering each other', async (t) => {
      const { destination, peer } = await opened(t)
      const channels = Array.from({ length: 10 }, (_, index) => `channel_${index}`)

      const outcomes = await Promise.all(
        channels.map((channel) => destination.send(makeBatch(channel, 7), idle)),
      )

      for (const outcome of outcomes) assert.deepEqual(outcome, NOTHING_LEFT)
      for (const channel of channels) assert.equal(peer.received(channel).length, 7)
    })

    test('open and close may be called again, and close is quick while a peer hangs', async (t) => {
      const { destination, peer, maxSendMs } = await opened(t)
      await destination.open()
      const abort = new AbortController()
      peer.hang()
      const sent = assert.rejects(destination.send(makeBatch('contract', 1), abort.signal))
      await peer.reached()
      const begun = performance.now()

      abort.abort()
      await sent
      await destination.close()
      await destination.close()

      assert.ok(performance.now() - begun < maxSendMs / 2)
    })
  })
}

const NOTHING_LEFT: BatchOutcome = { rejected: [], kept: [] }

function isRetryable(thrown: unknown): boolean {
  assert.ok(thrown instanceof ConnectorError, `not a ConnectorError: ${String(thrown)}`)
  assert.equal(thrown.effect, 'retry')
  return true
}
