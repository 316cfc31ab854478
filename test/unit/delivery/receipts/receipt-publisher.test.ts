/** The receipts of whole batches: their content, and when they are published. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ReceiptPublisher } from '../../../../src/delivery/receipts/receipt-publisher.ts'
import type { Message } from '../../../../src/message.ts'
import { makeMessage, packedMessage } from '../../../support/channels/batch-maker.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { RecordingOutlet } from '../../../support/mqtt/recording-outlet.ts'

function deskWith(outlet: RecordingOutlet, clock = new ManualClock()): ReceiptPublisher {
  const receipts = new ReceiptPublisher({ topic: 'status', reports: 'all', clock })
  receipts.addOutlet(outlet)
  return receipts
}

test('a receipt is the same whether its id is copied from the log or not', async () => {
  const ids = ['req1', 'x'.repeat(128), '"quoted"', 'größe 🌡', 'x'.repeat(10_000)]
  const messages = ids.map((id, offset) => makeMessage(offset, { senderId: id, messageId: id }))
  const outlets = [new RecordingOutlet(), new RecordingOutlet()]

  deskWith(outlets[0]!).successes(messages)
  deskWith(outlets[1]!).successes(messages.map(packedMessage))
  await setImmediate()

  const [plain, packed] = outlets.map(({ receipts }) => receipts)
  assert.deepEqual(packed, plain)
  assert.deepEqual(
    plain?.map(({ id }) => id),
    ids,
  )
})

test('receipts wait a millisecond for those of batches that follow, and no longer', async () => {
  const clock = new ManualClock()
  const outlet = new RecordingOutlet()
  const receipts = deskWith(outlet, clock)

  receipts.successes([named('a')], true)
  receipts.successes([named('b')], true)
  await setImmediate()
  const before = outlet.ids()
  clock.advance(1)

  assert.deepEqual(before, [])
  assert.deepEqual(outlet.ids(), ['a', 'b'])
  assert.equal(clock.pendingCalls, 0)
})

test('receipts of the last batch take all waiting ones with them, in order, at the end of the turn', async () => {
  const clock = new ManualClock()
  const outlet = new RecordingOutlet()
  const receipts = deskWith(outlet, clock)

  receipts.successes([named('a')], true)
  receipts.successes([named('b')], false)
  await setImmediate()

  assert.deepEqual(outlet.ids(), ['a', 'b'])
  assert.equal(clock.pendingCalls, 0)
})

test('the receipt of a failure does not wait, because its message is acknowledged in the same tick', async () => {
  const outlet = new RecordingOutlet()
  const receipts = deskWith(outlet)

  receipts.successes([named('a')], true)
  receipts.failure('b', undefined, { error: 'InvalidMessage', message: 'no' })
  await new Promise<void>((resolve) => process.nextTick(resolve))

  assert.deepEqual(outlet.ids(), ['a', 'b'])
})

test('a receipt without subscribers goes to the sender that asked for a reply', async () => {
  const outlet = new RecordingOutlet()
  outlet.hasListeners = () => false
  const receipts = deskWith(outlet)
  const reply = { topic: 'answers/7', correlation: undefined }

  receipts.successes([named('a'), { ...named('b'), reply }])
  await setImmediate()

  assert.deepEqual(outlet.receipts, [])
  assert.deepEqual(outlet.replies, [
    { topic: 'answers/7', payload: '{"response":{"status":"success"},"id":"b"}' },
  ])
})

function named(id: string): Message {
  return makeMessage(0, { senderId: id, messageId: id })
}

test('receipts with long ids go out before they take more than about a megabyte together', () => {
  const outlet = new RecordingOutlet()
  let most = 0
  const publish = outlet.publish.bind(outlet)
  outlet.publish = (topic, payloads) => {
    most = Math.max(most, payloads.bytes.length)
    publish(topic, payloads)
  }
  const receipts = deskWith(outlet)
  const id = 'x'.repeat(100_000)

  receipts.successes(Array.from({ length: 100 }, () => named(id)))
  for (let i = 0; i < 100; i++) receipts.failure(id, undefined, { error: 'No', message: 'no' })
  receipts.flush()

  assert.equal(outlet.ids().length, 200)
  assert.ok(most < 1_300_000, `${most} bytes`)
})
