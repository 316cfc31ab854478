/**
 * The logs of all channels below one directory, within one bound of bytes.
 *
 *     <dir>/lock.<n>        the process that uses the directory
 *     <dir>/journal/        messages committed lately, see journal/journal.ts
 *     <dir>/channels/       a directory for each channel, see disk-log.ts
 *     <dir>/quarantine/     copies of damaged bytes
 *
 * Files and directories with other names are left alone. Channel names differ in case, so the file
 * system must be case-sensitive, as Linux file systems are.
 */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { messageOf, systemCodeOf } from '../../errors.ts'
import type { Message } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import { SerialQueue } from '../../serial-queue.ts'
import { type ChannelLog, CommitError, type LogFault, type LogStore } from '../log/channel-log.ts'
import type { MemoryBudget } from '../log/memory-budget.ts'
import { DiskLog, type DiskLogStart, LOG_RESERVE_BYTES } from './disk-log.ts'
import { expectParts, unusable } from './files/directory-layout.ts'
import { DirectoryLock } from './files/directory-lock.ts'
import { DiskSpace, WriteFigures } from './files/disk-space.ts'
import type { FileLayer } from './files/file-layer.ts'
import { nodeFileLayer } from './files/node-file-layer.ts'
import { Quarantine } from './files/quarantine.ts'
import { type LogIdentity, newIdentity } from './format/frame.ts'
import { Journal, type Share } from './journal/journal.ts'
import { Settling } from './journal/settling.ts'
import { SlotPool } from './journal/slot-pool.ts'
import { setSpecialFilesAside, setSpecialFilesOfChannelAside } from './special-files.ts'
import {
  bytesOfLogs,
  type RecoveredLog,
  recoverAgain,
  recoverStore,
  type StoreRecoveryOptions,
} from './store-recovery.ts'
import { quarantineBytesFor, segmentBytesFor, slotBytesFor } from './store-sizes.ts'
import { type UnopenedChannel, UnopenedChannels } from './unopened-channels.ts'

/** A frame is at most this fraction of a slot, except for one with a single large message. */
const FRAMES_PER_SLOT = 8
const MAX_STOP_MS = 5_000

export interface DiskLogStoreOptions {
  readonly directory: string
  /** Everything below the directory together never exceeds this many bytes. */
  readonly maxBytes: number
  readonly segmentBytes: number
  readonly segmentMaxAgeMs: number
  /** Bytes of released messages that are kept for replay. */
  readonly historyBytes: number
  readonly budget: MemoryBudget
  readonly clock: Clock
  readonly observer: PipelineObserver
  /** For tests with a simulated disk; the directory is not locked then. */
  readonly files?: FileLayer
  /** For tests that need slots to fill soon. Default: depends on `maxBytes`. */
  readonly slotBytes?: number
  /**
   * How long a stop may take, in milliseconds, to store messages that are in the journal alone in
   * the logs' directories. The rest stays in the journal, where the next start finds it.
   */
  readonly maxStopMs?: number
}

export class DiskLogStore implements LogStore {
  readonly maxBytes: number
  readonly #options: DiskLogStoreOptions
  readonly #files: FileLayer
  readonly #space: DiskSpace
  readonly #quarantine: Quarantine
  readonly #lock: DirectoryLock | undefined
  readonly #slots: SlotPool
  readonly #settling: Settling
  readonly #logs: DiskLog[] = []
  readonly #recovery: StoreRecoveryOptions
  readonly #unopened: UnopenedChannels
  #isJournalStale = false
  /** Logs that have something for the next commit. */
  #staged: DiskLog[] = []
  #journal: Journal | undefined
  /** Commits and probes must not overlap. */
  readonly #journalQueue = new SerialQueue()
  readonly #segmentBytes: number
  readonly #slotBytes: number
  /** A commit that fills more than a slot is slow, and needs more than the standing slots. */
  readonly maxCommitBytes: number
  /** What was asked of the disk since the start. */
  readonly figures = new WriteFigures()
  onStatesWanted: (() => void) | undefined
  onReopened: ((log: ChannelLog) => void) | undefined

  constructor(options: DiskLogStoreOptions) {
    this.#options = options
    this.maxBytes = options.maxBytes
    this.#segmentBytes = segmentBytesFor(options.maxBytes, options.segmentBytes)
    this.#slotBytes = options.slotBytes ?? slotBytesFor(options.maxBytes)
    this.maxCommitBytes = this.#slotBytes
    this.#files = options.files ?? nodeFileLayer
    this.#space = new DiskSpace(options.maxBytes)
    this.#lock = options.files === undefined ? new DirectoryLock(options.directory) : undefined
    this.#quarantine = new Quarantine({
      files: this.#files,
      directory: join(options.directory, 'quarantine'),
      maxBytes: quarantineBytesFor(options.maxBytes),
      space: this.#space,
      clock: options.clock,
      observer: options.observer,
    })
    this.#recovery = { ...options, files: this.#files, quarantine: this.#quarantine }
    this.#slots = new SlotPool({
      ...options,
      files: this.#files,
      directory: join(options.directory, 'journal'),
      slotBytes: this.#slotBytes,
      space: this.#space,
      makeRoom: (bytes) => this.makeRoom(bytes),
    })
    const directoryOf = (channel: string) => this.#directoryOf(channel)
    this.#unopened = new UnopenedChannels({ ...options, space: this.#space, directoryOf })
    this.#settling = new Settling(this.#slots, () => this.#evictOnFullDisk())
  }

  /** Bytes of all files, and of the room reserved for messages in the journal alone. */
  get bytes(): number {
    return this.#space.bytes
  }

  /** Bytes kept only for replay; part of `bytes`. */
  get historyBytes(): number {
    return this.#space.history
  }

  async open(): Promise<readonly ChannelLog[]> {
    const { directory } = this.#options
    try {
      if (this.#lock) await expectParts(directory)
      await this.#files.makeDirectory(join(directory, 'channels'))
      await this.#lock?.acquire()
      if (this.#lock) await setSpecialFilesAside(directory, this.#options.observer)
      await this.#quarantine.open()
      await this.#countFiles(directory)
      await this.#countFiles(join(directory, 'channels'))
      await this.#recover()
    } catch (error) {
      await this.#lock?.release()
      throw unusable(directory, error)
    }
    return [...this.#logs]
  }

  get faults(): readonly LogFault[] {
    const failing = this.#logs.flatMap(({ channel, fault: refusal }) =>
      refusal === undefined ? [] : [{ channel, refusal }],
    )
    return [...this.#unopened.faults, ...failing]
  }

  async retryFaults(): Promise<void> {
    const { directory, observer } = this.#options
    await this.#unopened.retry(async (one) => {
      if (this.#lock) await setSpecialFilesOfChannelAside(directory, one.channel, observer)
      const found = await recoverAgain(this.#recovery, this.#isJournalStale, one)
      await this.#journalQueue.run(async () => this.#reopen(one, found))
    })
    await this.#settling.retry()
  }

  /** No commit is under way. From here on the log is one like all others. */
  #reopen(one: UnopenedChannel, recovered: RecoveredLog): void {
    const log = this.#adopt(recovered)
    if (log !== undefined && one.held !== undefined) this.#opened().replace(one.held, log)
    this.#unopened.opened(one, log)
    this.makeRoom(0)
    this.#settling.begin()
    if (log !== undefined) this.onReopened?.(log)
  }

  create(channel: string): ChannelLog {
    this.#space.count(LOG_RESERVE_BYTES)
    return this.#add(channel, newIdentity(), {
      segments: [],
      isLastOpen: false,
      frames: [],
      end: 0,
      released: 0,
      damaged: [],
      state: undefined,
    })
  }

  commit(): Promise<void> {
    const logs = this.#staged
    if (logs.length === 0) return Promise.resolve()
    this.#staged = []
    const shares = logs.map((log) => log.share())
    return this.#journalQueue.run(() => this.#commit(logs, shares))
  }

  async #commit(logs: readonly DiskLog[], shares: readonly Share[]): Promise<void> {
    const journal = this.#opened()
    try {
      await journal.commit(shares)
    } catch (cause) {
      if (systemCodeOf(cause) === 'ENOSPC') this.#evictOnFullDisk()
      const discarded = this.#discard(logs, shares)
      throw new CommitError(`writing to storage: ${messageOf(cause)}`, discarded, { cause })
    }
  }

  #discard(
    logs: readonly DiskLog[],
    shares: readonly Share[],
  ): ReadonlyMap<string, readonly Message[]> {
    const discarded = new Map<string, readonly Message[]>()
    for (const [index, log] of logs.entries()) {
      const share = shares[index]
      if (share !== undefined) discarded.set(log.channel, log.discardShare(share))
    }
    return discarded
  }

  probe(): Promise<void> {
    return this.#journalQueue.run(async () => {
      await this.#opened().probe()
      this.#slots.fill()
    })
  }

  makeRoom(bytes: number): boolean {
    while (this.bytes + bytes > this.maxBytes) if (!this.#evictOldest()) return false
    return true
  }

  setAside(bytes: number): number {
    this.#space.setAside(0)
    this.makeRoom(bytes)
    const kept = Math.max(0, Math.min(bytes, this.maxBytes - this.bytes))
    this.#space.setAside(kept)
    return kept
  }

  async close(maxMs = Number.POSITIVE_INFINITY): Promise<void> {
    try {
      await this.#settleBeforeStop(maxMs)
    } catch {
      // The journal has all of it, and the next start reads it from there.
    }
    await this.#settling.close()
    // Committed messages are durable, so a file that can't be closed must not keep the lock.
    await Promise.allSettled(this.#logs.splice(0).map((log) => log.close()))
    await this.#slots.close().catch(() => undefined)
    await this.#space.removalsDone()
    await this.#lock?.release()
  }

  /**
   * Stores messages that are in the journal alone in the logs' directories, so that the directory
   * can be read without the journal. Gives up when a stop may take no longer.
   */
  async #settleBeforeStop(maxMs: number): Promise<void> {
    const journal = this.#journal
    if (journal === undefined) return
    const logs = this.#logs.filter((log) => journal.has(log))
    if (logs.length === 0) return
    const { clock, maxStopMs = MAX_STOP_MS } = this.#options
    const deadline = clock.monotonic() + Math.min(maxMs, maxStopMs)
    const isLate = () => clock.monotonic() > deadline
    await this.#settling.settleAll(isLate)
    for (const log of logs) {
      if (isLate()) return
      if (!log.isSetAside) await log.writeState()
    }
    // What the journal alone has of them must be found there by the next start.
    if (this.#unopened.held.length > 0 || logs.some((log) => log.isSetAside)) return
    // Only after a stop that is not clean does the next start sync the logs' directories.
    await this.#space.removalsDone()
    if (this.#space.hasFailedRemovals) return
    await journal.markClean()
  }

  #opened(): Journal {
    if (this.#journal === undefined) throw new RangeError('the store is not open')
    return this.#journal
  }

  async #countFiles(directory: string): Promise<void> {
    for (const entry of await this.#files.list(directory)) this.#space.count(entry.bytes)
  }

  async #recover(): Promise<void> {
    const { clock } = this.#options
    const foundBytes = await bytesOfLogs(this.#files, this.#options.directory)
    // Until they are counted one by one, so that copies of damaged bytes find no room they take.
    this.#space.count(foundBytes)
    const { journal, logs, unopened } = await recoverStore(this.#recovery)
    this.#space.release(foundBytes)
    this.#space.count(journal.bytes)
    for (const one of logs) this.#adopt(one)
    this.#isJournalStale = journal.isClean
    for (const one of unopened) this.#unopened.add(one, journal.isClean)
    await this.#slots.adopt(journal, this.#logs)
    // Messages in the journal alone reserve room in the segments, which history may have taken.
    this.makeRoom(0)
    this.#journal = new Journal(
      {
        key: journal.key ?? randomInt(2 ** 32),
        clock,
        slots: this.#slots,
        figures: this.figures,
        slotBytes: this.#slotBytes,
        settle: () => this.#settling.settle(),
        onClosed: () => this.#settling.begin(),
        onFilled: () => this.onStatesWanted?.(),
      },
      journal.generation,
      journal.sequence,
    )
    if (!journal.isClean) {
      for (const log of this.#logs) if (journal.logs.has(log.identityText)) this.#journal.add(log)
      for (const log of this.#unopened.held) this.#journal.add(log)
    }
    this.#slots.fill()
  }

  /** Undefined if the directory holds no log. */
  #adopt({ channel, found, heldBytes, isOurs }: RecoveredLog): DiskLog | undefined {
    this.#space.count(heldBytes)
    return isOurs ? this.#add(channel, found.identity ?? newIdentity(), found) : undefined
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
        maxChunkBytes: Math.floor(this.#slotBytes / FRAMES_PER_SLOT),
        freeMemory: (bytes) => this.#dropChunks(bytes),
        onStaged: (staged) => void this.#staged.push(staged),
        onReleased: () => this.#trimHistory(),
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
    this.#slots.collect()
    while (this.#space.history > this.#options.historyBytes) {
      if (!this.#evictOldest()) return
    }
  }

  /** Removes history for the next message: the disk may be full below `maxBytes`. */
  #evictOnFullDisk(): void {
    const enough = this.#space.onDisk - 2 * this.#segmentBytes
    while (this.#space.onDisk > enough && this.#evictOldest());
  }

  /** Removes the oldest history, in the journal or in segments; false if there is none. */
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
    const slotAt = this.#slots.oldestHistoryAt ?? Number.POSITIVE_INFINITY
    if (slotAt < oldestAt || oldest === undefined) return this.#slots.evictOldest()
    oldest.evictOldest()
    return true
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
