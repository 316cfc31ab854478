/**
 * What has to be done at regular intervals. Expired messages are dropped: delivery drops those it
 * meets, but while a destination is away nothing is delivered. Logs that are set aside are tried.
 */
import type { Clock, Timer } from '../clock.ts'
import { asConnectorError, type ConnectorError } from '../errors.ts'
import type { Channel } from './channel.ts'

const INTERVAL_MS = 5_000

export interface ExpirySweepOptions {
  readonly clock: Clock
  readonly channels: Iterable<Channel>
  /** Tries to write logs that are set aside. */
  readonly retryFaults?: () => Promise<void>
  /** A channel's log could not be read. The next sweep tries again. */
  readonly onFailed: (channel: Channel, error: ConnectorError) => void
}

export class ExpirySweep {
  readonly #options: ExpirySweepOptions
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: ExpirySweepOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#isClosed) return
    this.#timer = this.#options.clock.after(INTERVAL_MS, () => {
      this.#running = this.#sweep().then(() => this.start())
    })
  }

  /** Resolves when the sweep under way has ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#running
  }

  async #sweep(): Promise<void> {
    for (const channel of this.#options.channels) {
      try {
        await channel.dropExpired()
      } catch (thrown) {
        const error = asConnectorError(thrown, 'StorageFailed', 'reading messages that may be old')
        this.#options.onFailed(channel, error)
      }
    }
    await this.#options.retryFaults?.()
  }
}
