/**
 * The only file that is synced on the way to a PUBACK. A commit writes the staged messages of all
 * logs as one cycle (`cycle.ts`) to the current slot (`slot.ts`), which is opened with `O_DSYNC`:
 * when the write has returned, the cycle is durable. At most one write is under way, so only the
 * newest cycle can be torn.
 *
 *     logs     a ▓▓ b ▓ c ▓▓▓          staged frames, and entries of logs that have changed
 *                  ╲│╱ copied
 *     slot 7   …│cycle│cycle│▒▒▒▒▒     one write
 *     slot 8   entries of all logs in the journal, then cycles …
 *
 * A commit that is larger than a cycle takes several, and still succeeds or fails as a whole: when
 * one of them fails, the slot is closed, and the header of the next slot says where it ended.
 * Nothing is written behind a failed write, or read from there: the kernel may treat pages as clean
 * that are not on the disk.
 */
import type { Clock } from '../../../clock.ts'
import type { WriteFigures } from '../files/disk-space.ts'
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

/** Bounds how much a commit copies and holds at a time; a larger commit takes several cycles. */
const CYCLE_BYTES_AT_MOST = 1024 * 1024
/** A cycle is at most this fraction of a slot, so that little is left unused at its end. */
const CYCLES_PER_SLOT = 4
const FIRST_BUFFER_BYTES = 256 * 1024

/** A log as the journal sees it. */
export interface JournaledLog {
  /** The offset after the last committed message. */
  readonly committed: number
  /** Generation of the slot that its entry was written to last. */
  readonly entryGeneration: number
  /** How often its entry was written to that slot. */
  readonly entryCopies: number
  /** Its entry (`log-entry.ts`), as of now. */
  entry(end: number): Buffer
  /** Its entry was put into a cycle of the slot with this generation. */
  entryWritten(generation: number): void
  /** Its share is durable. */
  committedShare(share: Share): void
}

/** The part of one log in a commit. */
export interface Share {
  readonly log: JournaledLog
  /** Undefined if only the log's entry is to be written. */
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
  /** Moves frames that are still needed out of the oldest closed slot; rejects when that fails. */
  readonly settle: () => Promise<void>
  /** A slot was closed: it may have to be settled. */
  readonly onClosed: () => void
  /** Messages have filled a slot, and the next one is in use now. */
  readonly onFilled: () => void
}

export class Journal {
  readonly #options: JournalOptions
  readonly #slots: SlotPool
  readonly #builder = new CycleBuilder(FIRST_BUFFER_BYTES)
  readonly #cycleBytes: number
  /** Logs whose entries are in the journal alone. */
  readonly #logs = new Set<JournaledLog>()
  #generation: number
  #sequence: number
  #isBegun = false
  /** How large the cycle being built may become. */
  #room = 0
  /** The commit under way. */
  #shares: readonly Share[] = []
  #isForMessages = false
  /** How many bytes the next probe writes behind a header. */
  #probeBytes = BLOCK_BYTES
  /** How far the share that is being added has been copied: its part, and the position in that. */
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

  /** The log's entry is in the journal alone, so every new slot must have it. */
  add(log: JournaledLog): void {
    this.#logs.add(log)
  }

  /** `successor` goes on in the place of `log`. Must not be called during a commit. */
  replace(log: JournaledLog, successor: JournaledLog): void {
    if (this.#logs.delete(log)) this.#logs.add(successor)
  }

  /** Whether something of the log is in the journal alone. */
  has(log: JournaledLog): boolean {
    return this.#logs.has(log)
  }

  /**
   * Makes the shares durable, all of them or none. It must not be called again before it has
   * settled.
   * @throws a system error, or StorageFailed if there is no room
   */
  async commit(shares: readonly Share[]): Promise<void> {
    // First: the commit may continue in another slot, which begins with the entries of all logs.
    for (const { log } of shares) this.#logs.add(log)
    try {
      await this.#writeAll(shares)
      for (const share of shares) share.log.committedShare(share)
    } finally {
      for (const { placed } of shares) for (const { slot } of placed) slot.leaveCommit()
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
        // Hundreds of logs share most cycles, so nothing is awaited until a cycle is full.
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

  /** Writes the last cycle before a stop: everything is stored in the logs' directories as well. */
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
   * Proves that a commit can be written: it takes a slot, and makes durable a header with as many
   * zeros behind it as the failed commit had bytes. Each probe that fails halves their number, so
   * that the little room there is can be used.
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
      slot.moveTo(BLOCK_BYTES)
    } catch (error) {
      this.#probeBytes = Math.max(BLOCK_BYTES, aligned(this.#probeBytes / 2))
      slot.moveTo(0)
      this.#slots.closeCurrent()
      throw error
    }
  }

  /** Adds the rest of the share; returns the bytes of the frame that needs another cycle. */
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

  /** False if the frame needs another cycle. */
  #addFrame(share: Share, buffer: Buffer, at: number, bytes: number): boolean {
    const slot = this.#slots.current
    if (slot === undefined || !this.#addEntry(share, bytes)) return false
    slot.enterCommit()
    const start = slot.position === 0 ? BLOCK_BYTES : slot.position
    const position = start + this.#builder.add(ENTRY_KIND.frame, buffer, at, at + bytes)
    const firstOffset = frameFirstOffsetAt(buffer, at)
    const endOffset = firstOffset + frameCountAt(buffer, at)
    const newestReceivedAt = frameNewestAt(buffer, at)
    share.placed.push({ slot, position, bytes, firstOffset, endOffset, newestReceivedAt })
    return true
  }

  /** Adds the log's entry if one is due. False if it and `frameBytes` more need another cycle. */
  #addEntry(share: Share, frameBytes: number): boolean {
    if (!this.#isBegun) return false
    const { log } = share
    // Twice in a slot, so that one damaged entry does not cost a log its name.
    const isDue =
      log.entryGeneration !== this.#generation ||
      log.entryCopies < 2 ||
      (share.isEntryChanged && share.placed.length === 0)
    const entry = isDue ? log.entry(endOf(share)) : undefined
    const count = (entry === undefined ? 0 : 1) + (frameBytes === 0 ? 0 : 1)
    const bytes = (entry?.length ?? 0) + frameBytes
    if (this.#builder.bytesWith(bytes, count) > this.#room) return false
    if (entry !== undefined) {
      this.#builder.add(ENTRY_KIND.log, entry, 0, entry.length)
      log.entryWritten(this.#generation)
    }
    return true
  }

  /** Writes the cycle being built, and begins one that has room for the share's next frame. */
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

  /** A slot taken for states alone, because none could be settled, must not take messages. */
  async #waitUntilSettled(): Promise<void> {
    while (this.#slots.isBlocked) await this.#options.settle()
  }

  /** The current slot, or the next one if too little of it is left. */
  async #current(needed: number, isForMessages: boolean): Promise<Slot> {
    if (isForMessages && this.#slots.isBlocked) await this.#waitUntilSettled()
    const slot = this.#slots.current
    if (slot !== undefined && slot.position > BLOCK_BYTES) {
      const left = slot.bytes - slot.position
      const little = Math.min(this.#cycleBytes / 4, this.#bytesLeft())
      if (left >= needed && left >= little) return slot
    }
    const next = await this.#open(needed, isForMessages)
    // Only for messages: states that fill a slot must not cause more states to be written.
    if (slot !== undefined && isForMessages) this.#options.onFilled()
    return next
  }

  /** About how many bytes of the commit are not in a cycle yet. */
  #bytesLeft(): number {
    const left = this.#shares.filter(({ placed }) => placed.length === 0)
    return left.reduce((sum, { group }) => sum + (group?.bytes ?? 0), 0)
  }

  /** Takes a slot, and begins it with the entries of all logs in the journal. */
  async #open(needed: number, isForMessages: boolean): Promise<Slot> {
    const ends = new Map(this.#shares.map((share) => [share.log, endOf(share)]))
    const logs = [...this.#logs]
    const entries = logs.map((log) => log.entry(ends.get(log) ?? log.committed))
    const bytes = BLOCK_BYTES + cyclesBytes(entries, this.#cycleBytes) + needed
    // A probe may have taken one. A message larger than the slot would write beyond its end.
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
      logs[index]?.entryWritten(this.#generation)
    }
    if (!this.#builder.isEmpty) await this.#write(0)
    this.#slots.anchorIn(slot)
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
    slot.beginUse({
      generation: this.#generation,
      key: this.#options.key,
      firstSequence: this.#sequence,
      time: this.#options.clock.now(),
    })
    return slot
  }

  async #flush(flags: number): Promise<void> {
    if (this.#isBegun && !this.#builder.isEmpty) await this.#write(flags)
    this.#isBegun = false
  }

  /** Writes the cycle, together with the slot's header if it is the first one. */
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
    slot.endAt(this.#sequence)
  }

  #fillHeader(slot: Slot): void {
    writeSlotHeader(this.#builder.buffer, {
      key: this.#options.key,
      generation: slot.generation,
      firstSequence: this.#sequence,
      bytes: slot.bytes,
      time: slot.time,
      needed: this.#slots.listNeeded(),
      firstCycleCrc: cycleChecksumAt(this.#builder.buffer, BLOCK_BYTES),
    })
    slot.endAt(this.#sequence)
  }

  async #writeOut(slot: Slot, bytes: number, position: number): Promise<void> {
    this.#options.figures.countWrite(bytes)
    this.#options.figures.countSync()
    if (slot.file === undefined) throw new RangeError('the current slot is not open')
    await slot.file.write(this.#builder.buffer, 0, bytes, position)
    slot.moveTo(position + bytes)
  }

  /** The commit that began with the sequence `first` failed: its cycles on the disk are void. */
  #fail(first: number): void {
    this.#isBegun = false
    this.#sequence = first
    const { current, closed } = this.#slots
    for (const slot of current === undefined ? closed : [...closed, current]) {
      slot.endAt(Math.min(slot.endSequence, first))
    }
    this.#slots.closeCurrent()
  }
}

function endOf({ log, placed }: Share): number {
  return placed.at(-1)?.endOffset ?? log.committed
}
