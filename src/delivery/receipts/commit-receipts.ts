/**
 * Receipts if no destination is configured: then the store is the destination, and a message
 * succeeds when it is committed. Messages are read back for their receipts, but only while a
 * receipt is wanted.
 */
import type { Channel } from '../../channels/channel.ts'
import type { ChannelSet } from '../../channels/channel-set.ts'
import { asConnectorError } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { ReceiptPublisher } from './receipt-publisher.ts'

const READ_COUNT = 1000
const READ_BYTES = 1024 * 1024

export class CommitReceipts {
  readonly #channels: ChannelSet
  readonly #receipts: ReceiptPublisher
  readonly #observer: PipelineObserver
  /** Per channel: receipts below this offset have been given, or were not wanted. */
  readonly #given = new Map<Channel, number>()
  readonly #reading = new Set<Channel>()

  constructor(channels: ChannelSet, receipts: ReceiptPublisher, observer: PipelineObserver) {
    this.#channels = channels
    this.#receipts = receipts
    this.#observer = observer
  }

  start(): void {
    this.#channels.onChannel((channel) => this.#given.set(channel, channel.log.committed))
    this.#channels.commits.listen({
      committed: () => this.#look(),
      failed: () => this.#look(),
    })
  }

  #look(): void {
    const isWanted = this.#receipts.wantsSuccesses
    for (const [channel, given] of this.#given) {
      if (given === channel.log.committed || this.#reading.has(channel)) continue
      if (isWanted) void this.#read(channel)
      else this.#given.set(channel, channel.log.committed)
    }
  }

  async #read(channel: Channel): Promise<void> {
    this.#reading.add(channel)
    let from = this.#given.get(channel) ?? channel.log.committed
    try {
      while (from < channel.log.committed) {
        const messages = await channel.log.read(from, READ_COUNT, READ_BYTES)
        this.#receipts.successes(messages)
        from = (messages.at(-1)?.offset ?? channel.log.committed - 1) + 1
      }
    } catch (error) {
      const failure = asConnectorError(error, 'StorageFailed', 'reading back for receipts')
      this.#observer.storageFailed(channel.name, failure)
      from = channel.log.committed
    }
    this.#given.set(channel, from)
    this.#reading.delete(channel)
  }
}
