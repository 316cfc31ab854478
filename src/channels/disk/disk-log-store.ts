/**
 * All channels' logs below one directory, within one bound of bytes.
 *
 *     <dir>/lock.<n>        who uses the directory
 *     <dir>/channels/       a directory a channel, see disk-log.ts
 *     <dir>/quarantine/     what was found damaged
 *
 * Files and directories of other names are left alone. Channel names differ in case, so the file
 * system must tell case apart, as Linux file systems do.
 */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { asConnectorError } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { ChannelLog, LogStore } from '../channel-log.ts'
import type { MemoryBudget } from '../memory-budget.ts'
import { DirectoryLock } from './directory-lock.ts'
import { DiskLog, type DiskLogStart } from './disk-log.ts'
import { DiskSpace } from './disk-space.ts'
import type { FileLayer } from './file-layer.ts'
import type { LogIdentity } from './frame.ts'
import { LOG_RESERVE_BYTES } from './log-state.ts'
import { nodeFileLayer } from './node-file-layer.ts'
import { Quarantine } from './quarantine.ts'
import { type Recovered, recoverLog } from './recovery.ts'
import { freshSegmentBytes } from './segment-index.ts'
import type { WriteFigures } from './write-figures.ts'

const SMALLEST_SEGMENT_BYTES = 64 * 1024
/** A segment is at most this part of the whole, so that space comes back in steps while draining. */
const SEGMENTS_AT_LEAST = 16
const QUARANTINE_BYTES_AT_MOST = 16 * 1024 * 1024

export interface DiskLogStoreOptions {
  readonly directory: string
  /** Bytes that everything below the directory together never exceeds. */
  readonly maxBytes: number
  readonly segmentBytes: number
  readonly segmentMaxAgeMs: number
  /** Bytes of released messages that are kept for replay. */
  readonly historyBytes: number
  readonly budget: MemoryBudget
  readonly clock: Clock
  readonly observer: PipelineObserver
  /** For tests that put a simulated disk in place; it then also stands in for the lock. */
  readonly files?: FileLayer
}

export class DiskLogStore implements LogStore {
  readonly maxBytes: number
  readonly #options: DiskLogStoreOptions
  readonly #files: FileLayer
  readonly #space: DiskSpace
  readonly #quarantine: Quarantine
  readonly #lock: DirectoryLock | undefined
  readonly #logs: DiskLog[] = []
  readonly #segmentBytes: number
  readonly #freshBytes: number
  /** What was asked of the disk since start. */
  readonly figures: WriteFigures = { bytesWritten: 0, syncs: 0 }

  constructor(options: DiskLogStoreOptions) {
    this.#options = options
    this.maxBytes = options.maxBytes
    const share = Math.floor(options.maxBytes / SEGMENTS_AT_LEAST)
    this.#segmentBytes = Math.min(options.segmentBytes, Math.max(SMALLEST_SEGMENT_BYTES, share))
    this.#freshBytes = freshSegmentBytes(this.#segmentBytes)
    this.#files = options.files ?? nodeFileLayer
    this.#space = new DiskSpace(options.maxBytes)
    this.#lock = options.files === undefined ? new DirectoryLock(options.directory) : undefined
    this.#quarantine = new Quarantine({
      files: this.#files,
      directory: join(options.directory, 'quarantine'),
      maxBytes: Math.min(QUARANTINE_BYTES_AT_MOST, Math.floor(options.maxBytes / 16)),
      space: this.#space,
      clock: options.clock,
      observer: options.observer,
    })
  }

  /**
   * All files and what is staged, and for each log room to begin a segment: as long as this keeps
   * within `maxBytes`, no commit fails for want of room.
   */
  get bytes(): number {
    return this.#space.bytes + this.#logs.length * this.#freshBytes
  }

  /** Bytes that are kept only for replay; part of `bytes`. */
  get historyBytes(): number {
    return this.#space.history
  }

  async open(): Promise<readonly ChannelLog[]> {
    const { directory } = this.#options
    try {
      await this.#files.makeDirectory(join(directory, 'channels'))
      await this.#lock?.acquire()
      await this.#quarantine.open()
      await this.#countFiles(directory)
      await this.#countFiles(join(directory, 'channels'))
      const entries = await this.#files.list(join(directory, 'channels'))
      const channels = entries.filter((entry) => entry.isDirectory).map((entry) => entry.name)
      await Promise.all(channels.map((channel) => this.#recover(channel)))
    } catch (error) {
      await this.#lock?.release()
      throw asConnectorError(error, 'StorageFailed', `opening ${directory}`)
    }
    return this.#logs
  }

  create(channel: string): ChannelLog {
    this.#space.count(LOG_RESERVE_BYTES)
    const empty = { segments: [], isLastOpen: false, end: 0, damaged: [] }
    return this.#add(channel, newIdentity(), { ...empty, state: undefined, stateBytes: 0 })
  }

  makeRoom(bytes: number): boolean {
    return this.#evictUntil(() => this.bytes + bytes <= this.maxBytes)
  }

  async close(): Promise<void> {
    // What is committed is durable: a file that can't be closed must not keep the lock.
    await Promise.allSettled(this.#logs.splice(0).map((log) => log.close()))
    await this.#space.settled()
    await this.#lock?.release()
  }

  async #countFiles(directory: string): Promise<void> {
    for (const entry of await this.#files.list(directory)) this.#space.count(entry.bytes)
  }

  async #recover(channel: string): Promise<void> {
    const directory = this.#directoryOf(channel)
    const { observer } = this.#options
    const quarantine = this.#quarantine
    const found = await recoverLog({ files: this.#files, directory, channel, quarantine, observer })
    if (found.segments.length === 0 && found.state === undefined && found.end === 0) {
      this.#space.count(found.foreignBytes)
      return
    }
    this.#space.count(heldBytes(found))
    this.#add(channel, found.identity ?? newIdentity(), found)
  }

  #add(channel: string, identity: LogIdentity, start: DiskLogStart): DiskLog {
    const log = new DiskLog(
      {
        ...this.#options,
        channel,
        identity,
        directory: this.#directoryOf(channel),
        files: this.#files,
        space: this.#space,
        quarantine: this.#quarantine,
        figures: this.figures,
        segmentBytes: this.#segmentBytes,
        makeRoom: (bytes) => this.#evictUntil(() => this.#space.onDisk + bytes <= this.maxBytes),
        makeMemory: (bytes) => this.#dropChunks(bytes),
        trimHistory: () => this.#trimHistory(),
        easeDisk: () => this.#easeDisk(),
      },
      start,
    )
    this.#logs.push(log)
    return log
  }

  #directoryOf(channel: string): string {
    return join(this.#options.directory, 'channels', channel)
  }

  #trimHistory(): void {
    while (this.#space.history > this.#options.historyBytes) {
      if (!this.#evictOldest()) return
    }
  }

  /** History is worth less than the next message, wherever the disk's end is. */
  #easeDisk(): void {
    const enough = this.#space.onDisk - 2 * this.#segmentBytes
    while (this.#space.onDisk > enough && this.#evictOldest());
  }

  #evictUntil(fits: () => boolean): boolean {
    while (!fits()) {
      if (!this.#evictOldest() && !this.#renewOne()) return false
    }
    return true
  }

  #evictOldest(): boolean {
    let oldest: DiskLog | undefined
    let oldestAt = Number.POSITIVE_INFINITY
    for (const log of this.#logs) {
      const at = log.oldestHistoryAt
      if (at !== undefined && at < oldestAt) {
        oldest = log
        oldestAt = at
      }
    }
    oldest?.evictOldest()
    return oldest !== undefined
  }

  #renewOne(): boolean {
    return this.#logs.some((log) => log.renew() > 0)
  }

  #dropChunks(bytes: number): void {
    const { budget } = this.#options
    let dropped = 1
    while (dropped > 0 && !budget.fits(bytes)) {
      dropped = 0
      for (const log of this.#logs) dropped += log.dropOldestChunk()
    }
  }
}

function newIdentity(): LogIdentity {
  return { id: randomInt(2 ** 32), key: randomInt(2 ** 32) }
}

function heldBytes(found: Recovered): number {
  const segments = found.segments.reduce((sum, segment) => sum + segment.heldBytes, 0)
  return segments + found.foreignBytes + Math.max(LOG_RESERVE_BYTES, found.stateBytes * 2)
}
