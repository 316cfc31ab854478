/**
 * The journal's slots: which one is written next, which are needed, and which are kept for replay.
 *
 *     history (ascending)        closed (ascending)     current        free
 *     ┌──┐ ┌──┐ ┌──┐ ┌──┐        ┌──┐ ┌──┐              ┌──┐           ┌──┐ ┌──┐
 *     └──┘ └──┘ └──┘ └──┘        └──┘ └──┘              └──┘           └──┘ └──┘
 *     used again, oldest first   settled, oldest first
 *
 * The first few slots are filled with zeros in the background: overwriting costs no change of a
 * file's metadata, and a full disk can't refuse it. Slots beyond them are holes until they are written.
 */
import { join } from 'node:path'
import type { Clock } from '../../../clock.ts'
import { systemCodeOf } from '../../../errors.ts'
import type { DiskSpace } from '../files/disk-space.ts'
import type { FileLayer, OpenFile } from '../files/file-layer.ts'
import { Removals, syncIfThere } from '../files/removals.ts'
import { findHistory, type HistoryKeeper } from './journal-history.ts'
import type { FoundJournal } from './journal-reading.ts'
import { MAX_NEEDED_SLOTS, type NeededSlot, Slot, slotName } from './slot.ts'

/**
 * Slots that are always there: one is written, two wait to be settled, and two are left for positions
 * of readers alone. Those may be written even when nothing can be settled, for they are what lets space
 * come back; the one of the two takes over when the other is full.
 */
const STANDING_SLOTS = 5
/** Messages wait when as many slots are closed and needed. */
export const MAX_CLOSED_SLOTS = 2
/** Slots are filled in steps with pauses, so that commits do not notice. */
const FILL_BYTES = 256 * 1024
/** The kernel keeps a file in pieces as large as it was written in, and a small commit pays for a whole one. */
const FILL_WRITE_BYTES = 64 * 1024
const FILL_PAUSE_MS = 50

export interface SlotPoolOptions {
  readonly files: FileLayer
  /** `<data directory>/journal`. */
  readonly directory: string
  /** Bytes of a slot; a larger one is made for a message that does not fit. */
  readonly slotBytes: number
  /** Bytes of slots and segments that nobody needs any more and that are kept for replay. */
  readonly historyBytes: number
  readonly space: DiskSpace
  readonly makeRoom: (bytes: number) => boolean
  readonly clock: Clock
}

export class SlotPool {
  current: Slot | undefined
  /** Full, or closed after a write that failed; ascending by generation. */
  readonly closed: Slot[] = []
  /** Ascending by generation. */
  readonly history: Slot[] = []
  readonly #free: Slot[] = []
  readonly #options: SlotPoolOptions
  readonly #removals: Removals
  /** Slots that hold the newest entries of logs. */
  #anchors: ReadonlySet<Slot> & { clear(): void } = new Set<Slot>()
  /** Generations that the newest header names as needed. */
  #listed: ReadonlySet<number> = new Set()
  #nextNumber = 0
  /** Slots that are always there and not made yet; their room is claimed. */
  #unmade = 0
  #filling: Promise<void> | undefined
  #isClosed = false
  #endPause: (() => void) | undefined
  #isHurried = false

  constructor(options: SlotPoolOptions) {
    this.#options = options
    this.#removals = new Removals(options)
  }

  /** When the oldest slot that is kept for replay was taken into use; undefined when there is none. */
  get oldestHistoryAt(): number | undefined {
    return this.history[0]?.time
  }

  /** So many slots wait to be settled that messages have to wait as well. */
  get isBlocked(): boolean {
    return this.waiting.filter((slot) => !slot.isInCommit).length > MAX_CLOSED_SLOTS
  }

  /** Closed slots with frames that have to be settled, oldest first. */
  get waiting(): readonly Slot[] {
    return this.closed.filter((slot) => slot.neededBy.size > 0)
  }

  /** The slot begins with the entries of all logs in the journal: no older one is needed for them. */
  opened(slot: Slot): void {
    this.#anchors = new Set([slot])
  }

  /** The logs' entries are kept elsewhere. */
  dropAnchors(): void {
    this.#anchors.clear()
    this.released()
  }

  get #count(): number {
    const current = this.current === undefined ? 0 : 1
    return current + this.closed.length + this.history.length + this.#free.length
  }

  /** Takes over the slots that were found when opening; their bytes are counted by the caller. */
  async takeOver(found: FoundJournal, logs: Iterable<HistoryKeeper>): Promise<void> {
    const { files } = this.#options
    for (const { number } of [...found.read, ...found.past, ...found.unused]) {
      this.#nextNumber = Math.max(this.#nextNumber, number + 1)
    }
    this.#free.push(...found.unused)
    this.#unmade = Math.max(0, STANDING_SLOTS - found.slotCount)
    this.#options.space.count(this.#unmade * this.#options.slotBytes)
    for (const slot of found.read) insert(this.closed, slot)
    this.#anchors = new Set(found.read)
    await this.#makeDurable(found.isClean ? [] : found.read)
    await findHistory(files, found, logs)
    for (const slot of found.past) this.#keep(slot)
    for (const slot of [...this.closed, ...this.history]) {
      slot.file ??= await files.open(slot.path, 'read')
    }
    this.released()
  }

  /** Cycles and names may still be on their way to the disk; from now on they are built upon. */
  async #makeDurable(slots: readonly Slot[]): Promise<void> {
    const { files, directory } = this.#options
    for (const slot of slots) {
      const file = await files.open(slot.path, 'edit')
      try {
        await file.sync()
      } finally {
        await file.close()
      }
    }
    await syncIfThere(files, directory)
  }

  /** Makes the slots that are always there, one after the other, unless the disk refuses. */
  fill(): void {
    this.#filling ??= this.#fill()
      .catch(() => undefined)
      .finally(() => {
        this.#filling = undefined
      })
  }

  /** Closes the current slot: nothing is written to it any more. */
  closeCurrent(): void {
    const slot = this.current
    this.current = undefined
    if (slot === undefined) return
    if (slot.position === 0) this.#free.push(slot)
    else insert(this.closed, slot)
  }

  /**
   * A slot of at least `bytes` to be written next; undefined when something has to be settled first.
   * @throws a system error, or StorageFailed when there is no room for another slot
   */
  async take(bytes: number, isForMessages: boolean): Promise<Slot | undefined> {
    this.#letGo()
    if (isForMessages && this.isBlocked) return undefined
    if (this.closed.length >= MAX_NEEDED_SLOTS) return undefined
    const slot = await this.#find(bytes)
    await this.#empty(slot)
    try {
      slot.file = await this.#options.files.open(slot.path, 'durable')
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') this.#options.space.giveBack(slot.bytes)
      else this.#free.push(slot)
      throw error
    }
    this.current = slot
    return slot
  }

  /** Nobody needs the slot's frames any more, or they are elsewhere as well. */
  released(): void {
    this.#letGo()
    this.trim()
  }

  /** Keeps no more for replay than was asked for. */
  trim(): void {
    const { space, historyBytes } = this.#options
    while (space.history > historyBytes && this.history.length > 0) this.#free.push(this.#oldest())
  }

  /**
   * Lets go of the oldest slot that is kept for replay, and of the file of a free one that is not among
   * those always there. False when there is neither.
   */
  evictOldest(): boolean {
    const hasHistory = this.history.length > 0
    if (hasHistory) this.#free.push(this.#oldest())
    const slot = this.#count > STANDING_SLOTS ? this.#free.pop() : undefined
    if (slot === undefined) return hasHistory
    const { space } = this.#options
    space.giveBack(slot.bytes)
    space.removing(this.#remove(slot).catch(() => undefined))
    return true
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#endPause?.()
    await this.#filling
    const current = this.current === undefined ? [] : [this.current]
    for (const slot of [...current, ...this.closed, ...this.history, ...this.#free]) {
      await closeFile(slot)
    }
  }

  /** What is not needed goes, whatever is needed before or behind it. */
  #letGo(): void {
    for (const slot of [...this.closed]) {
      if (slot.isInCommit || this.#anchors.has(slot) || slot.neededBy.size > 0) continue
      this.closed.splice(this.closed.indexOf(slot), 1)
      this.#keep(slot)
    }
  }

  #keep(slot: Slot): void {
    // Also one without frames: the next generation says where a slot in the history ends.
    if (slot.users.size === 0 && this.history.length === 0) {
      this.#free.push(slot)
      return
    }
    insert(this.history, slot)
    this.#options.space.history += slot.bytes
  }

  /** Takes the oldest slot out of the history. */
  #oldest(): Slot {
    const slot = this.history.shift()
    if (slot === undefined) throw new RangeError('the journal keeps no history')
    this.#options.space.history -= slot.bytes
    for (const user of slot.users) user.forget(slot)
    slot.users.clear()
    return slot
  }

  async #find(bytes: number): Promise<Slot> {
    const { slotBytes, space, historyBytes } = this.#options
    if (bytes > slotBytes) return this.#create(bytes, false)
    for (let slot = this.#nextFree(); slot !== undefined; slot = this.#nextFree()) {
      if (slot.bytes === slotBytes) return slot
      // Of another size: made for one large message, or under another `storage.maxBytes`.
      space.giveBack(slot.bytes)
      await this.#remove(slot).catch(() => undefined)
    }
    const isHistoryFull = space.history + slotBytes > historyBytes
    if (isHistoryFull && this.history.length > 0) return this.#oldest()
    try {
      return await this.#create(slotBytes, false)
    } catch (error) {
      await this.#fillAtOnce()
      const slot = this.history.length > 0 ? this.#oldest() : this.#free.shift()
      if (slot === undefined) throw error
      return slot
    }
  }

  /**
   * Rather one that the newest header does not name: if power goes while it is overwritten, that header
   * counts, and what it names is looked for.
   */
  #nextFree(): Slot | undefined {
    const index = this.#free.findIndex((slot) => !this.#listed.has(slot.generation))
    return this.#free.splice(Math.max(0, index), 1)[0]
  }

  /** What the next header names: slots with something needed in them. */
  list(): readonly NeededSlot[] {
    const needed = this.closed.map(({ generation, endSequence }) => ({ generation, endSequence }))
    this.#listed = new Set(needed.map(({ generation }) => generation))
    return needed
  }

  /** The slot that is being filled is wanted: no more pauses. */
  async #fillAtOnce(): Promise<void> {
    this.#isHurried = true
    this.#endPause?.()
    await this.#filling
    this.#isHurried = false
  }

  async #empty(slot: Slot): Promise<void> {
    await closeFile(slot)
    slot.generation = 0
    slot.position = 0
    slot.endSequence = 0
  }

  async #fill(): Promise<void> {
    while (this.#unmade > 0 && !this.#isClosed) {
      this.#free.push(await this.#create(this.#options.slotBytes, true))
    }
  }

  async #create(bytes: number, isFilled: boolean): Promise<Slot> {
    const { files, directory, space, makeRoom, slotBytes } = this.#options
    const number = this.#nextNumber++
    const slot = new Slot(number, join(directory, slotName(number)), bytes)
    const isStanding = this.#unmade > 0 && bytes === slotBytes
    if (isStanding) this.#unmade--
    else await space.claim(bytes, makeRoom)
    try {
      await files.makeDirectory(directory)
      const file = await files.open(slot.path, 'replace')
      try {
        if (isFilled) await this.#zero(file, bytes)
        await file.truncate(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await files.syncDirectory(directory)
      return slot
    } catch (error) {
      if (isStanding) this.#unmade++
      else space.giveBack(bytes)
      await this.#remove(slot).catch(() => undefined)
      throw error
    }
  }

  async #zero(file: OpenFile, bytes: number): Promise<void> {
    const zeros = Buffer.alloc(Math.min(FILL_WRITE_BYTES, bytes))
    for (let at = 0; at < bytes && !this.#isClosed; at += zeros.length) {
      await file.write(zeros, 0, Math.min(zeros.length, bytes - at), at)
      if ((at + zeros.length) % FILL_BYTES !== 0 && at + zeros.length < bytes) continue
      // Step by step: a sync of all of it would hold up commits.
      await file.sync()
      if (!this.#isHurried && !this.#isClosed) await this.#pause()
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(FILL_PAUSE_MS, resolve)
      this.#endPause = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  /** Its bytes were given back; they are counted again as long as the file can't be removed. */
  #remove(slot: Slot): Promise<void> {
    const { path, bytes } = slot
    return this.#removals.remove({ paths: [path], bytes, close: () => closeFile(slot) })
  }
}

function insert(list: Slot[], slot: Slot): void {
  const place = list.findIndex((one) => one.generation > slot.generation)
  list.splice(place < 0 ? list.length : place, 0, slot)
}

async function closeFile(slot: Slot): Promise<void> {
  const { file } = slot
  slot.file = undefined
  await file?.close().catch(() => undefined)
}
