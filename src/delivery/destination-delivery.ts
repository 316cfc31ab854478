/**
 * The deliveries of all channels to one destination: they are opened, drained and ended together.
 */
import type { Channel } from '../channels/channel.ts'
import type { ChannelSet } from '../channels/channel-set.ts'
import type { Clock } from '../clock.ts'
import type { Destination } from '../destinations/destination.ts'
import { asConnectorError, type ConnectorError } from '../errors.ts'
import type { PipelineObserver } from '../observer.ts'
import { AttemptTrail } from './attempt-trail.ts'
import type { BatchReceipts } from './batch-receipts.ts'
import type { CatchUpOrder } from './catch-up.ts'
import { ChannelDelivery } from './channel-delivery.ts'
import { RateCap, type RateCapOptions } from './rate-cap.ts'
import { RetrySchedule } from './retry-schedule.ts'

export interface DestinationDeliveryOptions {
  readonly destination: Destination
  readonly channels: ChannelSet
  /** `IotAnalyticsBatchSizePerChannel`. */
  readonly batchMessages: number
  readonly publishIntervalMs: number
  readonly maxInFlightBatches: number
  readonly catchUp?: RateCapOptions & { readonly order: CatchUpOrder }
  readonly receipts: BatchReceipts
  readonly observer: PipelineObserver
  readonly clock: Clock
  readonly random: () => number
}

export class DestinationDelivery {
  readonly #options: DestinationDeliveryOptions
  /** The last attempts to send batches. */
  readonly trail = new AttemptTrail()
  readonly #cap: RateCap
  readonly #deliveries: ChannelDelivery[] = []
  readonly #abort = new AbortController()
  #isOpen = false
  #openFailure: ConnectorError | undefined
  #isStopped = false

  constructor(options: DestinationDeliveryOptions) {
    this.#options = options
    this.#cap = new RateCap(options.catchUp ?? {}, options.clock)
  }

  get destination(): Destination {
    return this.#options.destination
  }

  /** Why messages are not delivered, as a sentence for the operator. */
  get problem(): string | undefined {
    const { destination } = this.#options
    if (this.#openFailure !== undefined) {
      return `${destination.name} can't be opened: ${this.#openFailure.message}`
    }
    const failing = this.#deliveries.filter((delivery) => delivery.failure !== undefined)
    const [first] = failing
    if (first === undefined) return undefined
    return `${destination.name} doesn’t take messages of ${channels(failing.length)}: ${first.failure?.message}`
  }

  /**
   * Begins to deliver. If the destination can't be opened yet, it is tried again in the background.
   */
  start(): void {
    this.#options.channels.onChannel((channel) => this.#add(channel))
    void this.#open(this.#retries())
  }

  /** Sends all waiting messages. Resolves when they are sent; the caller limits the time. */
  async drain(untilFailure: boolean): Promise<void> {
    if (!this.#isOpen) return
    await Promise.all(this.#deliveries.map((delivery) => delivery.drain(untilFailure)))
  }

  /** Ends all batches under way; their messages stay in the log. */
  async close(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    for (const delivery of this.#deliveries) delivery.stop()
    this.#abort.abort()
    await Promise.all(this.#deliveries.map((delivery) => delivery.ended()))
    await this.#options.destination.close()
  }

  async #open(retries: RetrySchedule): Promise<void> {
    const { destination, observer, clock } = this.#options
    try {
      await destination.open()
    } catch (error) {
      if (this.#isStopped) return
      const failure = asConnectorError(
        error,
        'DestinationUnavailable',
        `opening ${destination.name}`,
      )
      this.#openFailure = failure
      const delayMs = retries.nextDelayMs()
      observer.batchRetried('', destination.name, failure, delayMs)
      clock.after(delayMs, () => void this.#open(retries))
      return
    }
    this.#isOpen = true
    this.#openFailure = undefined
    if (this.#isStopped) return
    for (const delivery of this.#deliveries) delivery.start()
  }

  #add(channel: Channel): void {
    const { destination, channels, catchUp, batchMessages, publishIntervalMs, ...rest } =
      this.#options
    const delivery = new ChannelDelivery({
      ...rest,
      destination,
      channel,
      cursor: channel.cursor(destination.name),
      rule: {
        maxMessages: Math.min(batchMessages, destination.maxBatchMessages),
        maxBytes: destination.maxBatchBytes,
        intervalMs: publishIntervalMs,
      },
      order: catchUp?.order ?? 'backlog-first',
      cap: this.#cap,
      trail: this.trail,
      deadLetters: channels.deadLetters,
      retries: this.#retries(),
      signal: this.#abort.signal,
    })
    this.#deliveries.push(delivery)
    if (this.#isOpen && !this.#isStopped) delivery.start()
  }

  #retries(): RetrySchedule {
    return new RetrySchedule({
      firstMs: this.#options.publishIntervalMs,
      random: this.#options.random,
    })
  }
}

function channels(count: number): string {
  return count === 1 ? '1 channel' : `${count} channels`
}
