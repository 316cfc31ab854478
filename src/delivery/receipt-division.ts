/**
 * Which destination decides on a message's receipt: the first one whose `channels` and `topics`
 * select it. If there is none, the last one that reads the channel says that it is left out.
 */
import type { Message } from '../message.ts'
import {
  type BatchReceipts,
  noReceipts,
  PartialReceipts,
  type PrimaryReceipts,
} from './receipts/batch-receipts.ts'
import { type SelectionOptions, selectsChannel, TopicSelection } from './selection.ts'

export class ReceiptDivision {
  readonly #selections: readonly SelectionOptions[]
  readonly #receipts: PrimaryReceipts

  constructor(selections: readonly SelectionOptions[], receipts: PrimaryReceipts) {
    this.#selections = selections
    this.#receipts = receipts
  }

  /** The receipts of the destination with this index, for one channel. */
  receiptsOf(destination: number, channel: string): BatchReceipts {
    const readers = this.#selections.flatMap((selection, index) =>
      selectsChannel(selection, channel) ? [{ index, selection }] : [],
    )
    const last = readers.at(-1)?.index ?? this.#selections.length - 1
    if (readers.length === 0) return destination === last ? this.#receipts : noReceipts
    const first = readers.findIndex(({ selection }) => selection.topics === undefined)
    // Those behind one that gets every topic decide on nothing.
    const deciding = first === -1 ? readers : readers.slice(0, first + 1)
    if (!deciding.some(({ index }) => index === destination)) return noReceipts
    if (deciding.length === 1) return this.#receipts
    const topics = deciding.map(({ index, selection }) => {
      return { index, topics: new TopicSelection(selection.topics) }
    })
    const deciderOf = ({ topic }: Message) =>
      topics.find((one) => one.topics.selects(topic))?.index ?? last
    return new PartialReceipts(this.#receipts, (message) => deciderOf(message) === destination)
  }
}
