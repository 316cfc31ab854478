/**
 * Whether messages can be stored just now. While they can't, they are refused at once, so that a full
 * disk costs nothing and nobody's message is spent on finding out; the store is probed instead, after
 * pauses that grow, until it proves that it can be written.
 *
 *      a commit fails            the probe fails: a longer pause
 *     ───────────────▶ failing ◀──────────────┐
 *                         │                   │
 *                       pause ─────────▶ probe of the store ────▶ well
 *
 * Nothing is probed while all is well.
 */
import type { Clock, Timer } from '../../clock.ts'
import { asConnectorError, type ConnectorError, systemCodeOf } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import { JOURNAL_NAME } from '../log/channel-log.ts'

export type StorageStateName = 'ok' | 'full' | 'read-only' | 'no-access' | 'io-error' | 'failing'

export interface StorageState {
  readonly name: StorageStateName
  /** A sentence for the operator; empty while all is well. */
  readonly advice: string
}

export const STORAGE_OK: StorageState = { name: 'ok', advice: '' }

const FULL: StorageState = {
  name: 'full',
  advice:
    'The disk of storage.directory is full: free space on it or move the directory. Newcomers are refused meanwhile; they are taken again by themselves once there is room.',
}
const NO_ACCESS: StorageState = {
  name: 'no-access',
  advice:
    'The connector may not write below storage.directory: give its user the directory and all in it.',
}

const STATES: Readonly<Record<string, StorageState>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EROFS: {
    name: 'read-only',
    advice:
      'The file system of storage.directory is read-only: systems do that after an error of the disk. Look at the kernel’s log, check the disk, and mount it for writing again.',
  },
  EACCES: NO_ACCESS,
  EPERM: NO_ACCESS,
  EIO: {
    name: 'io-error',
    advice:
      'The disk reports errors: look at the kernel’s log and at its SMART data, copy storage.directory elsewhere, and replace it. What was acknowledged before and can be read is delivered.',
  },
}

const OTHER: StorageState = {
  name: 'failing',
  advice: 'Messages can’t be stored; it is tried again every few seconds.',
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000

interface Failure {
  readonly state: StorageState
  readonly refusal: Refusal
  readonly pauseMs: number
  /** Runs out when the store is to be probed. */
  readonly timer: Timer | undefined
}

export interface StorageHealthOptions {
  readonly clock: Clock
  readonly observer: PipelineObserver
  /** Rejects as long as the store can't be written. */
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

  /** Why messages can't be stored, and are not even tried; undefined while they can. */
  get failure(): Refusal | undefined {
    return this.#failing?.refusal
  }

  /** What is wrong, by name, and what to do about it. */
  get state(): StorageState {
    return this.#failing?.state ?? STORAGE_OK
  }

  /** A commit failed. Returns what to tell the senders whose messages were in it. */
  commitFailed(error: ConnectorError): Refusal {
    const before = this.#failing
    before?.timer?.cancel()
    const { clock, observer } = this.#options
    const pauseMs =
      before === undefined ? FIRST_PAUSE_MS : Math.min(before.pauseMs * 2, LONGEST_PAUSE_MS)
    const timer = this.#isClosed ? undefined : clock.after(pauseMs, () => this.#probe())
    const refusal = {
      error: error.code,
      message: `Messages can't be stored: ${error.message}. The message was not taken; send it again once storage has recovered.`,
    }
    this.#failing = { state: storageStateOf(error), refusal, pauseMs, timer }
    if (before === undefined) observer.storageFailed(JOURNAL_NAME, error)
    return refusal
  }

  commitSucceeded(): void {
    if (this.#failing === undefined) return
    this.#failing.timer?.cancel()
    this.#failing = undefined
    this.#options.observer.storageRecovered()
  }

  /** Probes no more; resolves when the last one has ended. */
  close(): Promise<void> {
    this.#isClosed = true
    this.#failing?.timer?.cancel()
    return this.#probing
  }

  #probe(): void {
    const failure = this.#failing
    this.#probing = this.#failureOfProbe().then((error) => {
      // What a commit has said meanwhile is newer.
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

/** By the system's code of what caused the error, however deep it lies. */
export function storageStateOf(error: ConnectorError): StorageState {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const state = STATES[systemCodeOf(cause) ?? '']
    if (state !== undefined) return state
  }
  return OTHER
}
