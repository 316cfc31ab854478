/**
 * How many bytes the data directory holds, and the bound it never exceeds. A file's bytes are
 * claimed before they are written and released once the file is gone.
 */
import { ConnectorError } from '../../../errors.ts'
import { SerialQueue } from '../../../serial-queue.ts'

export class DiskSpace {
  readonly maxBytes: number
  /**
   * Syncs of directories that lost a file run one after the other: a commit must never wait behind
   * four of them in a thread pool of four.
   */
  readonly syncs = new SerialQueue()
  #onDisk = 0
  #reserved = 0
  #setAside = 0
  #history = 0
  #removals = 0
  #removed: Promise<unknown> = Promise.resolve()
  readonly #failedRemovals = new Set<object>()

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#onDisk + this.#reserved + this.#setAside
  }

  /** Bytes on disk, or claimed for a file that is being written. */
  get onDisk(): number {
    return this.#onDisk
  }

  /** Part of `onDisk` that nobody waits for: kept for replay. */
  get history(): number {
    return this.#history
  }

  /** Counts bytes that are on disk already, even beyond the bound. */
  count(bytes: number): void {
    this.#onDisk += bytes
  }

  /** Counted or claimed bytes are free again. */
  release(bytes: number): void {
    this.#onDisk -= bytes
  }

  /** Keeps room for accepted messages that are staged, or in the journal alone. */
  reserve(bytes: number): void {
    this.#reserved += bytes
  }

  unreserve(bytes: number): void {
    this.#reserved -= bytes
  }

  /** Keeps room for a log that the others must not crowd out; replaces the room kept before. */
  setAside(bytes: number): void {
    this.#setAside = bytes
  }

  addHistory(bytes: number): void {
    this.#history += bytes
  }

  removeHistory(bytes: number): void {
    this.#history -= bytes
  }

  /**
   * Claims bytes about to be written; `makeRoom` may remove history for them.
   * @throws {ConnectorError} StorageFailed when `maxBytes` leaves no room
   */
  async claim(bytes: number, makeRoom: (bytes: number) => boolean): Promise<void> {
    await this.removalsDone()
    if (this.bytes + bytes > this.maxBytes && makeRoom(bytes)) await this.removalsDone()
    if (this.bytes + bytes > this.maxBytes) {
      throw new ConnectorError(
        'StorageFailed',
        `expected room for ${bytes} bytes, but ${this.bytes} of storage.maxBytes ${this.maxBytes} are in use`,
      )
    }
    this.#onDisk += bytes
  }

  /** A removal is under way; the space it releases is not used before it is done. */
  trackRemoval(removal: Promise<void>): void {
    this.#removals++
    this.#removed = Promise.all([this.#removed, removal]).finally(() => {
      this.#removals--
    })
  }

  /** Whether files that were removed may be there again after a loss of power. */
  get hasFailedRemovals(): boolean {
    return this.#failedRemovals.size > 0
  }

  /** The last removal of `remover` has failed, or has succeeded. */
  noteRemoval(remover: object, isDurable: boolean): void {
    if (isDurable) this.#failedRemovals.delete(remover)
    else this.#failedRemovals.add(remover)
  }

  /** Resolves when no removal is under way. */
  async removalsDone(): Promise<void> {
    while (this.#removals > 0) await this.#removed
  }
}

/** What the logs have asked of the disk, for metrics such as write amplification. */
export class WriteFigures {
  #bytesWritten = 0
  #syncs = 0

  get bytesWritten(): number {
    return this.#bytesWritten
  }

  get syncs(): number {
    return this.#syncs
  }

  countWrite(bytes: number): void {
    this.#bytesWritten += bytes
  }

  countSync(): void {
    this.#syncs++
  }
}
