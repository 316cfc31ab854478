/**
 * How many bytes the data directory holds, and the bound it never passes. Every file's bytes are
 * claimed before they are written and given back when the file is gone.
 */
import { ConnectorError } from '../../../errors.ts'
import { SerialQueue } from '../../../serial-queue.ts'

export class DiskSpace {
  readonly maxBytes: number
  /**
   * Directories whose files went are synced one after the other: a commit must never wait behind four of
   * them in a thread pool of four.
   */
  readonly syncs = new SerialQueue()
  /** Claimed: on disk, or promised to a file that is being written. Never above `maxBytes`. */
  onDisk = 0
  /** Kept free for accepted messages that are staged or in the journal alone. */
  reserved = 0
  /** Kept free for what is to come for a log that the others must not crowd out. */
  setAside = 0
  /** Part of `onDisk` that nobody waits for any more: kept for replay. */
  history = 0
  #removals = 0
  #removed: Promise<unknown> = Promise.resolve()

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get bytes(): number {
    return this.onDisk + this.reserved + this.setAside
  }

  /** Counts what is there already, as found when opening, even beyond the bound. */
  count(bytes: number): void {
    this.onDisk += bytes
  }

  giveBack(bytes: number): void {
    this.onDisk -= bytes
  }

  /**
   * Claims bytes about to be written; `makeRoom` may remove history to that end.
   * @throws {ConnectorError} StorageFailed when `maxBytes` leaves no room
   */
  async claim(bytes: number, makeRoom: (bytes: number) => boolean): Promise<void> {
    await this.settled()
    if (this.bytes + bytes > this.maxBytes && makeRoom(bytes)) await this.settled()
    if (this.bytes + bytes > this.maxBytes) {
      throw new ConnectorError(
        'StorageFailed',
        `expected room for ${bytes} bytes, but ${this.bytes} of storage.maxBytes ${this.maxBytes} are in use`,
      )
    }
    this.onDisk += bytes
  }

  /** A removal under way; the space it gives back is not used before it is done. */
  removing(removal: Promise<void>): void {
    this.#removals++
    this.#removed = Promise.all([this.#removed, removal]).finally(() => {
      this.#removals--
    })
  }

  /** Resolves when no removal is under way. */
  async settled(): Promise<void> {
    while (this.#removals > 0) await this.#removed
  }
}
