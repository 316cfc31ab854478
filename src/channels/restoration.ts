/**
 * Restores channels from their logs. A channel whose log can't be read now is set aside, and the
 * others go on; it is tried again until it can be. A bad sector then counts as damage: see
 * `LogReader`.
 */
import { asConnectorError, ConnectorError } from '../errors.ts'
import type { Refusal } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import type { ChannelLog, LogFault } from './log/channel-log.ts'
import type { RestoredChannel } from './restored-channel.ts'

export interface RestorationOptions {
  readonly observer: PipelineObserver
  /** @throws {ConnectorError} StorageFailed if the log can't be read now */
  readonly restore: (log: ChannelLog) => Promise<RestoredChannel>
  readonly ready: (log: ChannelLog, restored: RestoredChannel) => void
}

interface Waiting {
  readonly log: ChannelLog
  refusal: Refusal
  isReported: boolean
}

export class Restoration {
  readonly #options: RestorationOptions
  /** By channel. */
  readonly #waiting = new Map<string, Waiting>()

  constructor(options: RestorationOptions) {
    this.#options = options
  }

  /** Channels that are not restored yet. */
  get faults(): LogFault[] {
    return [...this.#waiting].map(([channel, { refusal }]) => ({ channel, refusal }))
  }

  /** Restores the channels of all logs that were found, in their order. */
  async restoreAll(logs: readonly ChannelLog[]): Promise<void> {
    const { ready } = this.#options
    const restored = await Promise.all(logs.map((log) => this.#restore(log)))
    for (const [index, log] of logs.entries()) {
      const outcome = restored[index]
      if (outcome === undefined) continue
      if (!(outcome instanceof ConnectorError)) {
        ready(log, outcome)
        continue
      }
      this.add(log)
      this.#failed(log.channel, outcome)
    }
  }

  /** The log can be read now. Its messages are refused until the next `retry` has restored it. */
  add(log: ChannelLog): void {
    const refusal = beingRead(log.channel)
    this.#waiting.set(log.channel, { log, refusal, isReported: false })
  }

  async retry(): Promise<void> {
    const { observer, ready } = this.#options
    for (const [channel, { log, isReported }] of [...this.#waiting]) {
      const outcome = await this.#restore(log)
      if (outcome instanceof ConnectorError) {
        this.#failed(channel, outcome)
        continue
      }
      this.#waiting.delete(channel)
      ready(log, outcome)
      if (isReported) observer.storageRecovered(channel)
    }
  }

  #failed(channel: string, error: ConnectorError): void {
    const one = this.#waiting.get(channel)
    if (one === undefined) return
    one.refusal = faultOfReading(channel, error)
    if (one.isReported) return
    one.isReported = true
    const reported = new ConnectorError(error.code, one.refusal.message)
    this.#options.observer.storageFailed(channel, reported)
  }

  async #restore(log: ChannelLog): Promise<RestoredChannel | ConnectorError> {
    try {
      return await this.#options.restore(log)
    } catch (thrown) {
      return asConnectorError(thrown, 'StorageFailed', `reading channel ${log.channel}`)
    }
  }
}

function faultOfReading(channel: string, { message }: ConnectorError): Refusal {
  return {
    error: 'StorageFailed',
    message: `Channel ${channel} is set aside, because its stored messages cannot be read: ${message}. They wait, and new ones are not stored; send them again later. Check the disk. The connector tries again every few seconds.`,
  }
}

function beingRead(channel: string): Refusal {
  return {
    error: 'StorageFailed',
    message: `Channel ${channel} is being opened. The message was not stored; send it again later.`,
  }
}
