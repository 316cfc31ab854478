/**
 * Whether messages can be stored now. While they can't, they are refused at once, so that a full
 * disk costs no time and no message is lost in a trial. Instead the store is probed, with growing
 * pauses, until it can be written.
 *
 *      a commit fails            the probe fails: a longer pause
 *     ───────────────▶ failing ◀──────────────┐
 *                         │                   │
 *                       pause ─────────▶ probe of the store ────▶ well
 *
 * The store is not probed while all is well.
 */
import type { Clock, Timer } from '../../clock.ts'
import { asConnectorError, type ConnectorError, systemCodeOf } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import { JOURNAL_NAME } from '../log/channel-log.ts'

export type StorageStateName = 'ok' | 'full' | 'read-only' | 'no-access' | 'io-error' | 'failing'

export interface StorageState {
  readonly name: StorageStateName
  /** Sentences for the operator; empty while all is well. */
  readonly advice: string
}

export const STORAGE_OK: StorageState = { name: 'ok', advice: '' }

const FULL: StorageState = {
  name: 'full',
  advice:
    'The disk of storage.directory is full. Free space on it, or move the directory. Until then, new messages are refused; once there is room, the connector accepts them again on its own.',
}
const NO_ACCESS: StorageState = {
  name: 'no-access',
  advice:
    'The connector has no permission to write to storage.directory. Make its user the owner of the directory and everything in it.',
}

const STATES: Readonly<Record<string, StorageState>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EROFS: {
    name: 'read-only',
    advice:
      'The file system of storage.directory is read-only; an operating system does that after a disk error. Look at the kernel’s log, check the disk, and mount it for writing again.',
  },
  EACCES: NO_ACCESS,
  EPERM: NO_ACCESS,
  EIO: {
    name: 'io-error',
    advice:
      'The disk reports errors. Look at the kernel’s log and at the disk’s SMART data, copy storage.directory elsewhere, and replace the disk. Acknowledged messages that can still be read are delivered.',
  },
}

const OTHER: StorageState = {
  name: 'failing',
  advice: 'Messages cannot be stored. The connector tries again every few seconds.',
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000

interface Failure {
  readonly state: StorageState
  readonly refusal: Refusal
  readonly pauseMs: number
  /** Runs out when the store must be probed. */
  readonly timer: Timer | undefined
}

export interface StorageHealthOptions {
  readonly clock: Clock
  readonly observer: PipelineObserver
  /** Rejects while the store can't be written. */
  readonly probe: () => Promise<void>
}

export class StorageHealth {
  readonly #options: StorageHealthOptions
  #failing: Failure | undefined
  #probing: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: StorageHealthOptions) {
    this.#options = options
  }

  /** Why messages are refused without a trial; undefined while they can be stored. */
  get failure(): Refusal | undefined {
    return this.#failing?.refusal
  }

  /** The problem by name, and what to do about it. */
  get state(): StorageState {
    return this.#failing?.state ?? STORAGE_OK
  }

  /** A commit failed. Returns the refusal for the senders of its messages. */
  commitFailed(error: ConnectorError): Refusal {
    const previous = this.#failing
    previous?.timer?.cancel()
    const { clock, observer } = this.#options
    const pauseMs =
      previous === undefined ? FIRST_PAUSE_MS : Math.min(previous.pauseMs * 2, LONGEST_PAUSE_MS)
    const timer = this.#isClosed ? undefined : clock.after(pauseMs, () => this.#probe())
    const refusal = {
      error: error.code,
      message: `Storage failed: ${error.message}. The message was not stored; send it again once storage has recovered.`,
    }
    this.#failing = { state: storageStateOf(error), refusal, pauseMs, timer }
    if (previous === undefined) observer.storageFailed(JOURNAL_NAME, error)
    return refusal
  }

  commitSucceeded(): void {
    if (this.#failing === undefined) return
    this.#failing.timer?.cancel()
    this.#failing = undefined
    this.#options.observer.storageRecovered(JOURNAL_NAME)
  }

  /** Stops probing; resolves when the last probe has ended. */
  close(): Promise<void> {
    this.#isClosed = true
    this.#failing?.timer?.cancel()
    return this.#probing
  }

  #probe(): void {
    const failure = this.#failing
    this.#probing = this.#failureOfProbe().then((error) => {
      // A commit that ended meanwhile is newer than the probe.
      if (this.#failing !== failure) return
      if (error === undefined) this.commitSucceeded()
      else this.commitFailed(error)
    })
  }

  async #failureOfProbe(): Promise<ConnectorError | undefined> {
    try {
      await this.#options.probe()
      return undefined
    } catch (thrown) {
      return asConnectorError(thrown, 'StorageFailed', 'writing to storage')
    }
  }
}

/** By the system's error code, which may be in any cause of the error. */
export function storageStateOf(error: ConnectorError): StorageState {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const state = STATES[systemCodeOf(cause) ?? '']
    if (state !== undefined) return state
  }
  return OTHER
}
