/** Receipts of whole batches: what is in them, and when they leave. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ReceiptDesk } from '../../src/delivery/receipt-desk.ts'
import { makeMessage, packedMessage } from '../support/batch-maker.ts'
import { RecordingOutlet } from '../support/recording-outlet.ts'

function deskWith(outlet: RecordingOutlet): ReceiptDesk {
  const desk = new ReceiptDesk({ topic: 'status', reports: 'all' })
  desk.addOutlet(outlet)
  return desk
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
