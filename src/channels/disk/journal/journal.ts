/**
 * The one file that is synced on the way to a PUBACK. A commit writes what all logs have staged as
 * one cycle (`cycle.ts`) into the current slot (`slot.ts`), opened with `O_DSYNC`: when the write has
 * returned, the cycle is durable. Never are two writes under way, so only the newest cycle can be torn.
 *
 *     logs     a ▓▓ b ▓ c ▓▓▓          staged frames, and entries of logs that have changed
 *                  ╲│╱ copied
 *     slot 7   …│cycle│cycle│▒▒▒▒▒     one write
 *     slot 8   entries of all logs in the journal, then cycles …
 *
 * A commit that is larger than a cycle takes several, and succeeds or fails as a whole all the same:
 * when one of them fails, the slot is closed, and the header of the next one says where it ended.
 * Nothing is appended behind a write that has failed, nor read from there: the kernel may hold pages
 * as clean that are not on the disk.
 */
import type { Clock } from '../../../clock.ts'
import type { WriteFigures } from '../files/write-figures.ts'
import { frameBytesAt, frameCountAt, frameFirstOffsetAt, frameNewestAt } from '../format/frame.ts'
import {
  aligned,
  BLOCK_BYTES,
  CYCLE_FLAG,
  CycleBuilder,
  cycleBytes,
  cycleChecksumAt,
  cyclesBytes,
  ENTRY_KIND,
} from './cycle.ts'
import { type PlacedFrame, type Slot, writeSlotHeader } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'
import type { StagedGroup } from './staging-area.ts'

/** A larger commit takes several cycles; it bounds what a commit copies and holds at a time. */
const CYCLE_BYTES_AT_MOST = 1024 * 1024
/** A cycle is at most this part of a slot, so that little is left unused at its end. */
const CYCLES_PER_SLOT = 4
const FIRST_BUFFER_BYTES = 256 * 1024

/** A log as the journal sees it. */
export interface JournaledLog {
  /** The offset after the last committed message. */
  readonly committed: number
  /** Generation of the slot that its entry was written to last, and how often. The journal's. */
  entryIn: number
  entryCopies: number
  /** Its entry (`log-entry.ts`), as of now. */
  entry(end: number): Buffer
  /** Its share is durable. */
  committedShare(share: Share): void
}

/** What one log gives to a commit. */
export interface Share {
  readonly log: JournaledLog
  /** Undefined when only the log's entry is to be written. */
  readonly group: StagedGroup | undefined
  readonly isEntryChanged: boolean
  /** Filled by the journal: where the frames went. */
  readonly placed: PlacedFrame[]
}

export interface JournalOptions {
  readonly key: number
  readonly slots: SlotPool
  readonly clock: Clock
  readonly figures: WriteFigures
  /** Bytes of a slot. */
  readonly slotBytes: number
  /** Moves what is needed of the oldest closed slot to where it is kept; rejects when that fails. */
  readonly settle: () => Promise<void>
  /** A slot was closed: something may have to be settled. */
  readonly onClosed: () => void
  /** Messages have filled a slot, and the next one is in use. */
  readonly onFilled: () => void
}

export class Journal {
  readonly #options: JournalOptions
  readonly #slots: SlotPool
  readonly #builder = new CycleBuilder(FIRST_BUFFER_BYTES)
  readonly #cycleBytes: number
  /** Logs whose entries are nowhere but in the journal. */
  readonly #logs = new Set<JournaledLog>()
  #generation: number
  #sequence: number
  #isBegun = false
  /** Bytes that the cycle being built may take. */
  #room = 0
  /** What the commit under way writes, and how far it is with the share that is being added. */
  #shares: readonly Share[] = []
  #isForMessages = false
  /** What the next probe writes, beside a header. */
  #probeBytes = BLOCK_BYTES
  #part = 0
  #at = -1

  constructor(options: JournalOptions, generation: number, sequence: number) {
    this.#options = options
    this.#slots = options.slots
    this.#generation = generation
    this.#sequence = sequence
    const share = Math.floor(options.slotBytes / CYCLES_PER_SLOT)
    this.#cycleBytes = Math.min(CYCLE_BYTES_AT_MOST, share)
  }

  /** The log's entry is in the journal alone: it is written again whenever a slot is taken. */
  add(log: JournaledLog): void {
    this.#logs.add(log)
  }

  /** Whether something of the log is in the journal alone. */
  has(log: JournaledLog): boolean {
    return this.#logs.has(log)
  }

  /**
   * Makes the shares durable, all of them or none. Never called again before it has settled.
   * @throws a system error, or StorageFailed when there is no room
   */
  async commit(shares: readonly Share[]): Promise<void> {
    // At once: a commit may go on in another slot, which begins with the entries of all of them.
    for (const { log } of shares) this.#logs.add(log)
    try {
      await this.#writeAll(shares)
      for (const share of shares) share.log.committedShare(share)
    } finally {
      for (const { placed } of shares) for (const { slot } of placed) slot.isInCommit = false
    }
  }

  async #writeAll(shares: readonly Share[]): Promise<void> {
    const first = this.#sequence
    this.#shares = shares
    this.#isForMessages = shares.some((share) => share.group !== undefined)
    try {
      for (const share of shares) {
        this.#part = 0
        this.#at = -1
        // Hundreds of logs share most cycles: nothing is awaited before one is full.
        for (let bytes = this.#addRest(share); bytes !== undefined; bytes = this.#addRest(share)) {
          await this.#nextCycle(share, bytes)
        }
      }
      await this.#flush(0)
    } catch (error) {
      const bytes = shares.reduce((sum, { group }) => sum + (group?.bytes ?? 0), 0)
      this.#probeBytes = Math.min(aligned(bytes + BLOCK_BYTES), this.#cycleBytes)
      this.#fail(first)
      throw error
    } finally {
      this.#shares = []
    }
  }

  /** Says that everything is stored in the logs' directories as well: the last cycle before an end. */
  async markClean(): Promise<void> {
    const first = this.#sequence
    this.#slots.dropAnchors()
    try {
      const slot = await this.#current(cycleBytes(0, 0), false)
      this.#begin(slot, 0)
      await this.#write(CYCLE_FLAG.clean)
    } catch (error) {
      this.#fail(first)
      throw error
    }
  }

  /**
   * Proves that a commit can be written: there is a slot, and its header and as many zeros behind it
   * as the commit that failed had bytes can be made durable. After each probe that fails it is half as
   * many, so that what little room there is can be used.
   */
  async probe(): Promise<void> {
    await this.#waitUntilSettled()
    if (this.#slots.current !== undefined) return
    const bytes = BLOCK_BYTES + this.#probeBytes
    const slot = await this.#take(bytes, true)
    try {
      this.#builder.begin(bytes)
      this.#builder.buffer.fill(0, BLOCK_BYTES, bytes)
      this.#fillHeader(slot)
      await this.#writeOut(slot, bytes, 0)
      slot.position = BLOCK_BYTES
    } catch (error) {
      this.#probeBytes = Math.max(BLOCK_BYTES, aligned(this.#probeBytes / 2))
      slot.position = 0
      this.#slots.closeCurrent()
      throw error
    }
  }

  /** Adds what is left of the share; returns the bytes of the frame that needs another cycle. */
  #addRest(share: Share): number | undefined {
    const parts = share.group?.parts
    if (parts === undefined) return this.#addEntry(share, 0) ? undefined : 0
    for (let part = parts[this.#part]; part !== undefined; part = parts[++this.#part]) {
      const { buffer } = part.chunk
      if (this.#at < 0) this.#at = part.from
      while (this.#at < part.to) {
        const bytes = frameBytesAt(buffer, this.#at)
        if (!this.#addFrame(share, buffer, this.#at, bytes)) return bytes
        this.#at += bytes
      }
      this.#at = -1
    }
    return undefined
  }

  /** False when the frame needs another cycle. */
  #addFrame(share: Share, buffer: Buffer, at: number, bytes: number): boolean {
    const slot = this.#slots.current
    if (slot === undefined || !this.#addEntry(share, bytes)) return false
    slot.isInCommit = true
    const start = slot.position === 0 ? BLOCK_BYTES : slot.position
    const position = start + this.#builder.add(ENTRY_KIND.frame, buffer, at, at + bytes)
    const firstOffset = frameFirstOffsetAt(buffer, at)
    const endOffset = firstOffset + frameCountAt(buffer, at)
    const newestReceivedAt = frameNewestAt(buffer, at)
    share.placed.push({ slot, position, bytes, firstOffset, endOffset, newestReceivedAt })
    return true
  }

  /** Adds the log's entry where one is due. False when it and `frameBytes` more need another cycle. */
  #addEntry(share: Share, frameBytes: number): boolean {
    if (!this.#isBegun) return false
    const { log } = share
    // Twice, so that one damaged entry does not cost a log its name.
    const isDue =
      log.entryIn !== this.#generation ||
      log.entryCopies < 2 ||
      (share.isEntryChanged && share.placed.length === 0)
    const entry = isDue ? log.entry(endOf(share)) : undefined
    const count = (entry === undefined ? 0 : 1) + (frameBytes === 0 ? 0 : 1)
    const bytes = (entry?.length ?? 0) + frameBytes
    if (this.#builder.bytesWith(bytes, count) > this.#room) return false
    if (entry !== undefined) {
      this.#builder.add(ENTRY_KIND.log, entry, 0, entry.length)
      this.#noteEntry(log)
    }
    return true
  }

  #noteEntry(log: JournaledLog): void {
    log.entryCopies = log.entryIn === this.#generation ? log.entryCopies + 1 : 1
    log.entryIn = this.#generation
  }

  /** Writes the cycle that is being built, and begins one that has room for the share's next frame. */
  async #nextCycle(share: Share, frameBytes: number): Promise<void> {
    await this.#flush(0)
    const entryBytes = share.log.entry(endOf(share)).length
    const needed = cycleBytes(frameBytes + entryBytes, 2)
    const slot = await this.#current(needed, this.#isForMessages)
    this.#begin(slot, needed)
  }

  #begin(slot: Slot, needed: number): void {
    const start = slot.position === 0 ? BLOCK_BYTES : slot.position
    this.#room = Math.max(needed, Math.min(this.#cycleBytes, slot.bytes - start))
    this.#builder.begin(slot.position === 0 ? BLOCK_BYTES : 0)
    this.#isBegun = true
  }

  /** What was taken for states alone, when nothing could be settled, is not for messages. */
  async #waitUntilSettled(): Promise<void> {
    while (this.#slots.isBlocked) await this.#options.settle()
  }

  /** The current slot, or the next one when too little of it is left. */
  async #current(needed: number, isForMessages: boolean): Promise<Slot> {
    if (isForMessages && this.#slots.isBlocked) await this.#waitUntilSettled()
    const slot = this.#slots.current
    if (slot !== undefined && slot.position > BLOCK_BYTES) {
      const left = slot.bytes - slot.position
      const little = Math.min(this.#cycleBytes / 4, this.#bytesLeft())
      if (left >= needed && left >= little) return slot
    }
    const next = await this.#open(needed, isForMessages)
    // Only for messages: states that fill slots must not bring about more of them.
    if (slot !== undefined && isForMessages) this.#options.onFilled()
    return next
  }

  /** Bytes of the commit that are not in a cycle yet, about. */
  #bytesLeft(): number {
    const left = this.#shares.filter(({ placed }) => placed.length === 0)
    return left.reduce((sum, { group }) => sum + (group?.bytes ?? 0), 0)
  }

  /** Takes a slot, and begins it with the entries of all logs that are in the journal. */
  async #open(needed: number, isForMessages: boolean): Promise<Slot> {
    const ends = new Map(this.#shares.map((share) => [share.log, endOf(share)]))
    const logs = [...this.#logs]
    const entries = logs.map((log) => log.entry(ends.get(log) ?? log.committed))
    const bytes = BLOCK_BYTES + cyclesBytes(entries, this.#cycleBytes) + needed
    // A probe took it: for a message that is larger than it, it would grow beyond its length.
    const probed = this.#slots.current
    const isEnough = probed?.position === BLOCK_BYTES && probed.bytes >= bytes
    const slot = isEnough ? probed : await this.#take(bytes, isForMessages)
    this.#begin(slot, 0)
    for (const [index, entry] of entries.entries()) {
      if (!this.#builder.isEmpty && this.#builder.bytesWith(entry.length, 1) > this.#room) {
        await this.#write(CYCLE_FLAG.opensFurther)
        this.#begin(slot, 0)
      }
      this.#builder.add(ENTRY_KIND.log, entry, 0, entry.length)
      const log = logs[index]
      if (log !== undefined) this.#noteEntry(log)
    }
    if (!this.#builder.isEmpty) await this.#write(0)
    this.#slots.opened(slot)
    return slot
  }

  async #take(bytes: number, isForMessages: boolean): Promise<Slot> {
    this.#slots.closeCurrent()
    this.#options.onClosed()
    let slot = await this.#slots.take(bytes, isForMessages)
    while (slot === undefined) {
      await this.#options.settle()
      slot = await this.#slots.take(bytes, isForMessages)
    }
    this.#generation++
    slot.generation = this.#generation
    slot.key = this.#options.key
    slot.firstSequence = this.#sequence
    slot.time = this.#options.clock.now()
    return slot
  }

  async #flush(flags: number): Promise<void> {
    if (this.#isBegun && !this.#builder.isEmpty) await this.#write(flags)
    this.#isBegun = false
  }

  /** Writes the cycle, together with the slot's header where it is the first. */
  async #write(flags: number): Promise<void> {
    const slot = this.#slots.current
    if (slot === undefined) throw new RangeError('the journal has no slot to write to')
    this.#isBegun = false
    const bytes = this.#builder.seal({
      key: this.#options.key,
      generation: slot.generation,
      sequence: this.#sequence,
      time: this.#options.clock.now(),
      flags,
    })
    const isFirst = slot.position === 0
    if (isFirst) this.#fillHeader(slot)
    await this.#writeOut(slot, isFirst ? BLOCK_BYTES + bytes : bytes, slot.position)
    this.#sequence++
    slot.endSequence = this.#sequence
  }

  #fillHeader(slot: Slot): void {
    writeSlotHeader(this.#builder.buffer, {
      key: this.#options.key,
      generation: slot.generation,
      firstSequence: this.#sequence,
      bytes: slot.bytes,
      time: slot.time,
      needed: this.#slots.list(),
      firstCycleCrc: cycleChecksumAt(this.#builder.buffer, BLOCK_BYTES),
    })
    slot.endSequence = this.#sequence
  }

  async #writeOut(slot: Slot, bytes: number, position: number): Promise<void> {
    this.#options.figures.bytesWritten += bytes
    this.#options.figures.syncs++
    if (slot.file === undefined) throw new RangeError('the current slot is not open')
    await slot.file.write(this.#builder.buffer, 0, bytes, position)
    slot.position = position + bytes
  }

  /** The commit that began with the sequence `first` failed: whatever of it is on the disk is void. */
  #fail(first: number): void {
    this.#isBegun = false
    this.#sequence = first
    const { current, closed } = this.#slots
    for (const slot of current === undefined ? closed : [...closed, current]) {
      slot.endSequence = Math.min(slot.endSequence, first)
    }
    this.#slots.closeCurrent()
  }
}

function endOf({ log, placed }: Share): number {
  return placed.at(-1)?.endOffset ?? log.committed
}
