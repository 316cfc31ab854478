/**
 * Which channels can't be stored just now, and when to try them again. Between two tries a failing
 * channel's newcomers are refused at once, so that a full disk costs nothing; the tries need no
 * help: the first message after the pause is one.
 */
import type { Clock } from '../clock.ts'
import type { ConnectorError } from '../errors.ts'
import type { Refusal } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import { STORAGE_OK, type StorageState, storageStateOf } from './storage-state.ts'

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** So long after the next try was due, a channel that got no message to try with is not held against storage. */
const FORGET_AFTER_MS = 10_000

/** What of a channel could not be written: its messages, or where its readers are. */
export type Stored = 'messages' | 'positions'

interface Failure {
  readonly state: StorageState
  readonly refusal: Refusal
  readonly pauseMs: number
  readonly tryAgainAt: number
}

export class StorageHealth {
  readonly #clock: Clock
  readonly #observer: PipelineObserver
  /** By `<what> <channel>`. */
  readonly #failing = new Map<string, Failure>()

  constructor(clock: Clock, observer: PipelineObserver) {
    this.#clock = clock
    this.#observer = observer
  }

  /** Why messages can't be stored; undefined while they can. */
  get failure(): Refusal | undefined {
    this.#forgetUntried()
    return this.#failing.values().next().value?.refusal
  }

  /** What is wrong, by name, and what to do about it. */
  get state(): StorageState {
    this.#forgetUntried()
    return this.#failing.values().next().value?.state ?? STORAGE_OK
  }

  /** Why a message for the channel is not even tried; undefined when it may be. */
  refusalFor(channel: string): Refusal | undefined {
    if (this.#failing.size === 0) return undefined
    const failure = this.#failing.get(`messages ${channel}`)
    if (failure === undefined || this.#clock.monotonic() >= failure.tryAgainAt) return undefined
    return failure.refusal
  }

  /** Something of the channel could not be stored. Returns what to tell senders whose messages it were. */
  failed(channel: string, what: Stored, error: ConnectorError): Refusal {
    const wasHealthy = this.#failing.size === 0
    const key = `${what} ${channel}`
    const before = this.#failing.get(key)
    const pauseMs =
      before === undefined ? FIRST_PAUSE_MS : Math.min(before.pauseMs * 2, LONGEST_PAUSE_MS)
    const refusal = {
      error: error.code,
      message: `Channel ${channel} can't be stored: ${error.message}. The message was not taken; send it again once storage has recovered.`,
    }
    const tryAgainAt = this.#clock.monotonic() + pauseMs
    this.#failing.set(key, { state: storageStateOf(error), refusal, pauseMs, tryAgainAt })
    if (wasHealthy) this.#observer.storageFailed(channel, error)
    return refusal
  }

  succeeded(channel: string, what: Stored): void {
    if (this.#failing.size === 0) return
    this.#failing.delete(`${what} ${channel}`)
    if (this.#failing.size === 0) this.#observer.storageRecovered()
    else this.#forgetUntried()
  }

  /** Without messages nobody finds out that there is room again; positions are tried by themselves. */
  #forgetUntried(): void {
    if (this.#failing.size === 0) return
    const forgetAt = this.#clock.monotonic() - FORGET_AFTER_MS
    for (const [what, { tryAgainAt }] of this.#failing) {
      if (tryAgainAt < forgetAt) this.#failing.delete(what)
    }
    if (this.#failing.size === 0) this.#observer.storageRecovered()
  }
}
