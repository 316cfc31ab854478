/**
 * Which channels can't be stored just now, and when they can again. A failing channel's newcomers
 * are refused at once, so that a full disk costs nothing and nobody's message is spent on finding
 * out; its log is probed instead, after pauses that grow, until it proves that it can be written.
 *
 *      a commit fails            the probe fails: a longer pause
 *     ───────────────▶ failing ◀──────────────┐
 *                         │                   │
 *                       pause ─────────▶ probe of the log ────▶ well
 *
 * Nothing is probed while all is well. Positions need no probe: they are written again by themselves.
 */
import type { Clock, Timer } from '../clock.ts'
import { asConnectorError, type ConnectorError } from '../errors.ts'
import type { Refusal } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import type { ChannelLog } from './channel-log.ts'
import { STORAGE_OK, type StorageState, storageStateOf } from './storage-state.ts'

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000

interface Failure {
  readonly state: StorageState
  readonly refusal: Refusal
  readonly pauseMs: number
  /** Runs out when the log is to be probed; undefined where it is not. */
  readonly timer: Timer | undefined
}

export class StorageHealth {
  readonly #clock: Clock
  readonly #observer: PipelineObserver
  /** By `<what> <channel>`. */
  readonly #failing = new Map<string, Failure>()
  /** One after the other: on a nearly full disk two at once would refute each other. */
  #probes: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(clock: Clock, observer: PipelineObserver) {
    this.#clock = clock
    this.#observer = observer
  }

  /** Why messages can't be stored; undefined while they can. */
  get failure(): Refusal | undefined {
    return this.#failing.values().next().value?.refusal
  }

  /** What is wrong, by name, and what to do about it. */
  get state(): StorageState {
    return this.#failing.values().next().value?.state ?? STORAGE_OK
  }

  /** Why a message for the channel is not even tried; undefined when it may be. */
  refusalFor(channel: string): Refusal | undefined {
    return this.#failing.size === 0 ? undefined : this.#failing.get(messagesOf(channel))?.refusal
  }

  /** A commit of the log failed. Returns what to tell the senders whose messages were in it. */
  commitFailed(log: ChannelLog, error: ConnectorError): Refusal {
    const key = messagesOf(log.channel)
    const before = this.#failing.get(key)
    before?.timer?.cancel()
    const pauseMs =
      before === undefined ? FIRST_PAUSE_MS : Math.min(before.pauseMs * 2, LONGEST_PAUSE_MS)
    const timer = this.#isClosed ? undefined : this.#clock.after(pauseMs, () => this.#probe(log))
    return this.#failed(key, log.channel, error, { pauseMs, timer })
  }

  commitSucceeded(channel: string): void {
    if (this.#failing.size > 0) this.#succeeded(messagesOf(channel))
  }

  /** Where the channel's readers are could not be written down. */
  positionsFailed(channel: string, error: ConnectorError): void {
    this.#failed(`positions ${channel}`, channel, error, { pauseMs: 0, timer: undefined })
  }

  positionsSucceeded(channel: string): void {
    if (this.#failing.size > 0) this.#succeeded(`positions ${channel}`)
  }

  /** Probes no more; resolves when the last one has ended. */
  close(): Promise<void> {
    this.#isClosed = true
    for (const { timer } of this.#failing.values()) timer?.cancel()
    return this.#probes
  }

  #probe(log: ChannelLog): void {
    const failure = this.#failing.get(messagesOf(log.channel))
    this.#probes = this.#probes.then(async () => {
      const error = await failureOf(log)
      // What a commit has said meanwhile is newer.
      if (this.#failing.get(messagesOf(log.channel)) !== failure) return
      if (error === undefined) this.#succeeded(messagesOf(log.channel))
      else this.commitFailed(log, error)
    })
  }

  #failed(
    key: string,
    channel: string,
    error: ConnectorError,
    next: Pick<Failure, 'pauseMs' | 'timer'>,
  ): Refusal {
    const wasHealthy = this.#failing.size === 0
    const refusal = {
      error: error.code,
      message: `Channel ${channel} can't be stored: ${error.message}. The message was not taken; send it again once storage has recovered.`,
    }
    this.#failing.set(key, { state: storageStateOf(error), refusal, ...next })
    if (wasHealthy) this.#observer.storageFailed(channel, error)
    return refusal
  }

  #succeeded(key: string): void {
    this.#failing.get(key)?.timer?.cancel()
    if (this.#failing.delete(key) && this.#failing.size === 0) this.#observer.storageRecovered()
  }
}

function messagesOf(channel: string): string {
  return `messages ${channel}`
}

async function failureOf(log: ChannelLog): Promise<ConnectorError | undefined> {
  try {
    await log.probe()
    return undefined
  } catch (thrown) {
    return asConnectorError(thrown, 'StorageFailed', 'writing to storage')
  }
}
