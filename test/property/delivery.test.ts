/** Delivery to a destination that fails at random: no message is lost or counted twice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ChannelSet } from '../../src/channels/channel-set.ts'
import { MemoryBudget } from '../../src/channels/log/memory-budget.ts'
import { MemoryLogStore } from '../../src/channels/log/memory-log-store.ts'
import { DestinationDelivery } from '../../src/delivery/destination-delivery.ts'
import { PrimaryReceipts } from '../../src/delivery/receipts/batch-receipts.ts'
import { ReceiptPublisher } from '../../src/delivery/receipts/receipt-publisher.ts'
import { receiptIdOf } from '../../src/message.ts'
import { silentObserver } from '../../src/observer.ts'
import { Router } from '../../src/routing/router.ts'
import { makeBatchRule } from '../support/destinations/batch-rule.ts'
import { ScriptedDestination, type Verdict } from '../support/destinations/scripted-destination.ts'
import { instantClock } from '../support/instant-clock.ts'
import { RecordingOutlet } from '../support/mqtt/recording-outlet.ts'

const VERDICTS: readonly Verdict[] = ['accept', 'retry', 'reject', 'split']

const runs = fc.record({
  script: fc.array(fc.constantFrom(...VERDICTS), { maxLength: 60 }),
  /** Channel of each message; a negative one is not an envelope. */
  messages: fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 1, maxLength: 200 }),
  /** How many messages arrive before the event loop turns. */
  burst: fc.integer({ min: 1, max: 50 }),
  batchMessages: fc.integer({ min: 1, max: 20 }),
  maxBacklogMessages: fc.constantFrom(1, 3, 10, 1000),
  dropBehavior: fc.constantFrom('DROP_NEWEST' as const, 'DROP_OLDEST' as const),
  maxActiveChannels: fc.integer({ min: 1, max: 5 }),
  maxChannels: fc.constant(1_000),
})

test('whatever the destination does, every message has one receipt and the ledger adds up', async () => {
  await fc.assert(
    fc.asyncProperty(runs, async (run) => {
      const { channels, router, delivery, receipts, outlet, destination } = await pipeline(run)
      const sent: string[] = []

      for (const [index, channel] of run.messages.entries()) {
        const id = `id${index}`
        sent.push(id)
        const topic = `iotanalytics/channels/c${Math.abs(channel)}/messages/put`
        const payload = channel < 0 ? { id } : { request: { message: id }, id }
        const bytes = Buffer.from(JSON.stringify(payload))
        const route = router.route(topic)
        assert.ok(route !== undefined)
        router.accept(route, topic, bytes, 0, bytes.length, undefined, false)
        assertAddsUp(channels)
        if (index % run.burst === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      await channels.flush()
      await delivery.drain(false)
      assertAddsUp(channels)
      await delivery.close()
      receipts.flush()

      assert.deepEqual(outlet.ids().sort(), sent.sort())
      assert.deepEqual(
        outlet.ids('success').sort(),
        [...destination.accepted.values()].flat().sort(),
      )
      for (const accepted of destination.accepted.values()) assertOrdered(accepted, run)
      for (const channel of channels.ledger()) {
        assert.equal(channel.waiting + channel.inFlight, 0)
        assert.equal(channel.rejected, destination.rejected.get(channel.channel)?.length ?? 0)
      }
      await channels.close()
    }),
    { numRuns: 150 },
  )
})

/** Ids arrive in the order they were sent, except those kept back from a batch accepted in part. */
function assertOrdered(ids: readonly string[], { script }: { script: readonly Verdict[] }): void {
  if (script.includes('split')) return
  const numbers = ids.map((id) => Number(id.slice(2)))
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  )
}

function assertAddsUp(channels: ChannelSet): void {
  for (const channel of channels.ledger()) {
    const dropped = Object.values(channel.dropped).reduce((sum, count) => sum + count, 0)
    const { delivered, rejected, expired, waiting, inFlight, received } = channel
    assert.equal(delivered + rejected + dropped + expired + waiting + inFlight, received)
  }
}

async function pipeline(run: typeof runs extends fc.Arbitrary<infer Run> ? Run : never) {
  const clock = instantClock()
  const observer = silentObserver
  const outlet = new RecordingOutlet()
  const receipts = new ReceiptPublisher({ topic: 'status', reports: 'all', clock })
  receipts.addOutlet(outlet)
  const budget = new MemoryBudget(10_000_000)
  const destination = new ScriptedDestination(run.script)
  destination.batchRule = makeBatchRule({ maxMessages: run.batchMessages, intervalMs: 1_000 })
  const channels = new ChannelSet({
    store: new MemoryLogStore({ budget }),
    budget,
    clock,
    observer,
    bounds: run,
    cursorNames: [destination.name],
    minCommitIntervalMs: 0,
    onDropped: (message, refusal) => receipts.failure(receiptIdOf(message), message.reply, refusal),
  })
  await channels.open()
  const router = new Router({
    channels,
    receipts,
    clock,
    inputs: [],
    defaultChannel: undefined,
    binaryEncoding: 'raw',
  })
  const delivery = new DestinationDelivery({
    destination,
    channels,
    maxInFlightBatches: 1,
    receipts: () => new PrimaryReceipts(receipts),
    observer,
    clock,
    random: () => 0.5,
  })
  delivery.start()
  return { channels, router, delivery, receipts, outlet, destination }
}
