/** Which of several destinations decides on a message's receipt. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReceiptDivision } from '../../../src/delivery/receipt-division.ts'
import { noReceipts, PrimaryReceipts } from '../../../src/delivery/receipts/batch-receipts.ts'
import { ReceiptPublisher } from '../../../src/delivery/receipts/receipt-publisher.ts'
import {
  Selection,
  type SelectionOptions,
  selectsChannel,
} from '../../../src/delivery/selection.ts'
import { makeMessage } from '../../support/channels/batch-maker.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { RecordingOutlet } from '../../support/mqtt/recording-outlet.ts'

const TOPICS = ['a/x', 'a/y', 'b/x']

/** What destinations of these selections say of a message of each topic; all reject theirs. */
function receiptsOf(selections: readonly SelectionOptions[], channel: string): string[] {
  const outlet = new RecordingOutlet()
  const publisher = new ReceiptPublisher({ topic: 's', reports: 'all', clock: new ManualClock() })
  publisher.addOutlet(outlet)
  const division = new ReceiptDivision(selections, new PrimaryReceipts(publisher))
  const messages = TOPICS.map((topic, offset) => makeMessage(offset, { topic, senderId: topic }))
  for (const [index, selection] of selections.entries()) {
    const receipts = division.receiptsOf(index, channel)
    const isRead = selectsChannel(selection, channel)
    if (!isRead && receipts === noReceipts) continue
    const topics = isRead ? selection : { topics: { include: [] } }
    const chosen = new Selection(topics)
    const selects = chosen.reporting((message) => receipts.leftOut(message))
    const taken = messages.filter(selects)
    const refusal = { error: `by ${index}`, message: 'no' }
    const rejected = taken.map((_, at) => ({ index: at, refusal }))
    receipts.settled(taken, { rejected, kept: [] }, false)
  }
  publisher.flush()
  return outlet.receipts.map(({ id, response }) => `${id} ${response.error ?? 'success'}`).sort()
}

test('the first destination that selects the topic decides, and what none selects succeeds', () => {
  const selections = [{ topics: { include: ['a/x'] } }, { topics: { include: ['a/#'] } }, {}]

  assert.deepEqual(receiptsOf(selections, 'press'), ['a/x by 0', 'a/y by 1', 'b/x by 2'])
  assert.deepEqual(receiptsOf(selections.slice(0, 2), 'press'), [
    'a/x by 0',
    'a/y by 1',
    'b/x success',
  ])
})

test('a destination that does not read the channel decides only if no other one does', () => {
  const ovens = { channels: { include: ['oven'] } }

  assert.deepEqual(receiptsOf([ovens, {}], 'press'), ['a/x by 1', 'a/y by 1', 'b/x by 1'])
  assert.deepEqual(receiptsOf([ovens, ovens], 'press'), [
    'a/x success',
    'a/y success',
    'b/x success',
  ])
})

const filters = fc.option(fc.subarray(['a/#', 'a/x', 'b/x', '+/y']), { nil: undefined })
const names = fc.option(fc.subarray(['press', 'oven']), { nil: undefined })
const selection = fc.record({ topics: filters, channels: names }).map(
  ({ topics, channels }): SelectionOptions => ({
    ...(topics && { topics: { include: topics } }),
    ...(channels && { channels: { include: channels } }),
  }),
)

test('whatever destinations select, every message gets one receipt', () => {
  fc.assert(
    fc.property(fc.array(selection, { minLength: 1, maxLength: 4 }), (selections) => {
      const ids = receiptsOf(selections, 'press').map((receipt) => receipt.split(' ')[0])
      assert.deepEqual(ids, TOPICS)
    }),
  )
})
