/**
 * Writes down where the readers are, at most about once a second while something changes. After a
 * crash at most what was settled since the last checkpoint is delivered again.
 */
import type { Clock, Timer } from '../clock.ts'
import { asConnectorError, type ConnectorError } from '../errors.ts'

const INTERVAL_MS = 1_000

/** What has a state to write down: a channel, or the dead letters. */
export interface Checkpointed {
  readonly name: string
  checkpoint(): Promise<void>
}

export interface CheckpointsOptions {
  readonly clock: Clock
  readonly onWritten: (member: Checkpointed) => void
  /** A state could not be written. It is tried again with the next checkpoint. */
  readonly onFailed: (member: Checkpointed, error: ConnectorError) => void
}

export class Checkpoints {
  readonly #options: CheckpointsOptions
  #changed = new Set<Checkpointed>()
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: CheckpointsOptions) {
    this.#options = options
  }

  /** The member has something to write down; at once when disk space waits for it. */
  changed(member: Checkpointed, soon: boolean): void {
    if (this.#isClosed) return
    this.#changed.add(member)
    if (soon) this.#start()
    else this.#timer ??= this.#options.clock.after(INTERVAL_MS, () => this.#start())
  }

  /** Resolves when everything changed until now has been written, or was tried to. */
  flush(): Promise<void> {
    this.#start()
    return this.#running
  }

  /** Flushes for the last time. */
  async close(): Promise<void> {
    await this.flush()
    this.#isClosed = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #start(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#running = this.#running.then(() => this.#write())
  }

  async #write(): Promise<void> {
    const changed = this.#changed
    this.#changed = new Set()
    for (const member of changed) {
      try {
        await member.checkpoint()
        this.#options.onWritten(member)
      } catch (thrown) {
        const error = asConnectorError(thrown, 'StorageFailed', 'writing down reader positions')
        this.#options.onFailed(member, error)
        this.changed(member, false)
      }
    }
  }
}
