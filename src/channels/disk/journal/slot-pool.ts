/**
 * The journal's slots: it decides which is written next, which are needed, and which are kept for
 * replay.
 *
 *     history (ascending)        closed (ascending)     current        free
 *     ┌──┐ ┌──┐ ┌──┐ ┌──┐        ┌──┐ ┌──┐              ┌──┐           ┌──┐ ┌──┐
 *     └──┘ └──┘ └──┘ └──┘        └──┘ └──┘              └──┘           └──┘ └──┘
 *     reused, oldest first       settled, oldest first
 *
 * The standing slots are filled with zeros in the background: overwriting changes no metadata of a
 * file, and a full disk can't refuse it. Slots beyond them are sparse until they are written.
 */
import { join } from 'node:path'
import type { Clock } from '../../../clock.ts'
import { systemCodeOf } from '../../../errors.ts'
import type { DiskSpace } from '../files/disk-space.ts'
import type { FileLayer } from '../files/file-layer.ts'
import { Removals, syncIfThere } from '../files/removals.ts'
import { findHistory, type HistoryKeeper } from './journal-history.ts'
import type { FoundJournal } from './journal-reading.ts'
import { MAX_NEEDED_SLOTS, type NeededSlot, Slot, slotName } from './slot.ts'
import { ZeroFilling } from './zero-filling.ts'

/**
 * Slots that always exist: one is written, two wait to be settled, and two are left for reader
 * positions alone. Positions may be written even if no slot can be settled, because they free
 * space; the second of the two takes over when the first is full.
 */
const STANDING_SLOTS = 5
/** Messages wait when more slots than this are closed and needed. */
export const MAX_CLOSED_SLOTS = 2
/** Beyond those needed at the start: a log that is set aside takes no new messages. */
const MAX_WITHHELD_SLOTS = 4
/** They concern one file: one of another owner, or one that was made immutable. */
const OF_ONE_FILE: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EISDIR', 'ELOOP', 'EINVAL'])

export interface SlotPoolOptions {
  readonly files: FileLayer
  /** `<data directory>/journal`. */
  readonly directory: string
  /** Bytes of a slot; a message that does not fit gets a larger one. */
  readonly slotBytes: number
  /** Bytes of slots and segments that nobody needs any more, to be kept for replay. */
  readonly historyBytes: number
  readonly space: DiskSpace
  readonly makeRoom: (bytes: number) => boolean
  readonly clock: Clock
}

export class SlotPool {
  #current: Slot | undefined
  readonly #closed: Slot[] = []
  /** Ascending by generation. */
  readonly #history: Slot[] = []
  readonly #free: Slot[] = []
  /** Free slots whose files could not be opened: they are tried only if there is no other. */
  readonly #refused = new Set<Slot>()
  readonly #options: SlotPoolOptions
  readonly #removals: Removals
  /** Slots that hold the newest entries of logs, and so must not be reused. */
  #anchors = new Set<Slot>()
  /** Generations that the newest header lists as needed. */
  #listed: ReadonlySet<number> = new Set()
  #mostWithheld = MAX_WITHHELD_SLOTS
  #nextNumber = 0
  /** How many standing slots do not exist yet; their room is claimed. */
  #missing = 0
  #filling: Promise<void> | undefined
  readonly #zeros: ZeroFilling

  constructor(options: SlotPoolOptions) {
    this.#options = options
    this.#removals = new Removals(options)
    this.#zeros = new ZeroFilling(options.clock)
  }

  /** The slot that is written now. */
  get current(): Slot | undefined {
    return this.#current
  }

  /** Slots that are full, or were closed after a failed write; ascending by generation. */
  get closed(): readonly Slot[] {
    return this.#closed
  }

  /** When the oldest slot kept for replay was taken into use; undefined if there is none. */
  get oldestHistoryAt(): number | undefined {
    return this.#history[0]?.time
  }

  /** Whether messages have to wait until a slot is settled. */
  get isBlocked(): boolean {
    return this.unsettled.filter((slot) => !slot.isInCommit).length > MAX_CLOSED_SLOTS
  }

  /** Closed slots with frames that have to be settled, oldest first. */
  get unsettled(): readonly Slot[] {
    if (this.hasManyWithheld) return this.#closed.filter((slot) => slot.neededBy.size > 0)
    return this.#closed.filter((slot) => slot.waitsForSettling)
  }

  /** Slots that only logs that are set aside need: they cannot be used until those can be settled. */
  get withheld(): readonly Slot[] {
    return this.#closed.filter(
      (slot) => slot.neededBy.size > 0 && !slot.waitsForSettling && !slot.isInCommit,
    )
  }

  /** Whether no more may be withheld: then all logs wait for those that are set aside. */
  get hasManyWithheld(): boolean {
    return this.withheld.length > this.#mostWithheld
  }

  /** Creates slots in the place of those that cannot be used, as far as there is room. */
  replaceWithheld(): void {
    const { slotBytes, space, makeRoom } = this.#options
    let lacking = STANDING_SLOTS - (this.#count + this.#missing - this.#unusable)
    for (; lacking > 0; lacking--) {
      if (space.bytes + slotBytes > space.maxBytes && !makeRoom(slotBytes)) break
      space.count(slotBytes)
      this.#missing++
    }
    this.fill()
  }

  /**
   * The slot begins with the entries of all logs in the journal, so no older slot is needed for
   * them.
   */
  anchorIn(slot: Slot): void {
    this.#anchors = new Set([slot])
  }

  /** The logs' entries are stored elsewhere as well. */
  dropAnchors(): void {
    this.#anchors.clear()
    this.collect()
  }

  get #unusable(): number {
    return this.withheld.length + this.#refused.size
  }

  get #count(): number {
    const current = this.#current === undefined ? 0 : 1
    return current + this.#closed.length + this.#history.length + this.#free.length
  }

  /** Adopts the slots that were found when opening. The caller counts their bytes. */
  async adopt(found: FoundJournal, logs: Iterable<HistoryKeeper>): Promise<void> {
    const { files } = this.#options
    for (const { number } of [...found.read, ...found.past, ...found.unused]) {
      this.#nextNumber = Math.max(this.#nextNumber, number + 1)
    }
    this.#free.push(...found.unused)
    this.#missing = Math.max(0, STANDING_SLOTS - found.slotCount)
    this.#options.space.count(this.#missing * this.#options.slotBytes)
    for (const slot of found.read) insert(this.#closed, slot)
    this.#anchors = new Set(found.read)
    await this.#makeDurable(found.isClean ? [] : found.read)
    await findHistory(files, found, logs)
    for (const slot of found.past) this.#keep(slot)
    for (const slot of [...this.#closed, ...this.#history]) {
      if (slot.file === undefined) slot.opened(await files.open(slot.path, 'read'))
    }
    this.collect()
    for (const slot of this.#closed) if (slot.neededBy.size > 0) this.#mostWithheld++
    if (this.withheld.length > 0) this.replaceWithheld()
  }

  /** Cycles and names may not be on the disk yet, and from now on the store relies on them. */
  async #makeDurable(slots: readonly Slot[]): Promise<void> {
    const { files, directory } = this.#options
    for (const slot of slots) {
      const file = await files.open(slot.path, 'read')
      try {
        await file.sync()
      } finally {
        await file.close()
      }
    }
    await syncIfThere(files, directory)
  }

  /** Creates missing standing slots in the background, until the disk refuses. */
  fill(): void {
    this.#filling ??= this.#fill()
      .catch(() => undefined)
      .finally(() => {
        this.#filling = undefined
      })
  }

  /** Closes the current slot: nothing more is written to it. */
  closeCurrent(): void {
    const slot = this.#current
    this.#current = undefined
    if (slot === undefined) return
    if (slot.position === 0) this.#free.push(slot)
    else insert(this.#closed, slot)
  }

  /**
   * A slot of at least `bytes` to be written next; undefined if another one must be settled first.
   * @throws a system error, or StorageFailed if there is no room for another slot
   */
  async take(bytes: number, isForMessages: boolean): Promise<Slot | undefined> {
    this.#collectUnneeded()
    if (isForMessages && this.isBlocked) return undefined
    if (this.#closed.length >= MAX_NEEDED_SLOTS) return undefined
    const slot = await this.#find(bytes)
    await slot.close()
    slot.clear()
    try {
      slot.opened(await this.#options.files.open(slot.path, 'durable'))
    } catch (error) {
      const code = systemCodeOf(error) ?? ''
      if (code === 'ENOENT') this.#options.space.release(slot.bytes)
      else this.#free.push(slot)
      if (!OF_ONE_FILE.has(code) || this.#refused.has(slot)) throw error
      this.#refused.add(slot)
      this.replaceWithheld()
      return await this.take(bytes, isForMessages)
    }
    this.#refused.delete(slot)
    this.#current = slot
    return slot
  }

  /** Moves slots that nobody needs any more to the history, and frees what exceeds its size. */
  collect(): void {
    this.#collectUnneeded()
    this.#trim()
  }

  #trim(): void {
    const { space, historyBytes } = this.#options
    while (space.history > historyBytes && this.#history.length > 0) this.#free.push(this.#oldest())
  }

  /**
   * Frees the oldest slot kept for replay, and removes a free slot if there are more than the
   * standing ones. False if it could do neither.
   */
  evictOldest(): boolean {
    const hasHistory = this.#history.length > 0
    if (hasHistory) this.#free.push(this.#oldest())
    const isMore = this.#count - this.#unusable > STANDING_SLOTS
    const slot = isMore ? this.#nextFree() : undefined
    if (slot === undefined) return hasHistory
    const { space } = this.#options
    space.release(slot.bytes)
    space.trackRemoval(this.#remove(slot).catch(() => undefined))
    return true
  }

  async close(): Promise<void> {
    this.#zeros.stop()
    await this.#filling
    const current = this.#current === undefined ? [] : [this.#current]
    for (const slot of [...current, ...this.#closed, ...this.#history, ...this.#free]) {
      await slot.close()
    }
  }

  /** A slot may go while older or newer ones are still needed. */
  #collectUnneeded(): void {
    for (const slot of [...this.#closed]) {
      if (slot.isInCommit || this.#anchors.has(slot) || slot.neededBy.size > 0) continue
      this.#closed.splice(this.#closed.indexOf(slot), 1)
      this.#keep(slot)
    }
  }

  #keep(slot: Slot): void {
    // A slot without frames is kept too: the next generation says where a slot in the history ends.
    if (slot.users.size === 0 && this.#history.length === 0) {
      this.#free.push(slot)
      return
    }
    insert(this.#history, slot)
    this.#options.space.addHistory(slot.bytes)
  }

  /** Takes the oldest slot out of the history. */
  #oldest(): Slot {
    const slot = this.#history.shift()
    if (slot === undefined) throw new RangeError('the journal keeps no history')
    this.#options.space.removeHistory(slot.bytes)
    slot.forgetUsers()
    return slot
  }

  async #find(bytes: number): Promise<Slot> {
    const { slotBytes, space, historyBytes } = this.#options
    if (bytes > slotBytes) return this.#create(bytes, false)
    for (let slot = this.#nextFree(); slot !== undefined; slot = this.#nextFree()) {
      if (slot.bytes === slotBytes) return slot
      // It was made for one large message, or under another `storage.maxBytes`.
      space.release(slot.bytes)
      await this.#remove(slot).catch(() => undefined)
    }
    const isHistoryFull = space.history + slotBytes > historyBytes
    if (isHistoryFull && this.#history.length > 0) return this.#oldest()
    try {
      return await this.#create(slotBytes, false)
    } catch (error) {
      await this.#fillAtOnce()
      const slot = this.#history.length > 0 ? this.#oldest() : this.#free.shift()
      if (slot === undefined) throw error
      return slot
    }
  }

  /**
   * Prefers a slot that the newest header does not list: if power fails while the slot is
   * overwritten, that header counts, and recovery looks for the slots it lists.
   */
  #nextFree(): Slot | undefined {
    const usable = this.#free.filter((slot) => !this.#refused.has(slot))
    const next = usable.find((slot) => !this.#listed.has(slot.generation)) ?? usable[0]
    if (next !== undefined) this.#free.splice(this.#free.indexOf(next), 1)
    return next
  }

  /** The slots with something needed in them, for the next header to list. */
  listNeeded(): readonly NeededSlot[] {
    const needed = this.#closed.map(({ generation, endSequence }) => ({ generation, endSequence }))
    this.#listed = new Set(needed.map(({ generation }) => generation))
    return needed
  }

  /** Finishes the slot that is being filled, without further pauses. */
  async #fillAtOnce(): Promise<void> {
    this.#zeros.hurry()
    await this.#filling
    this.#zeros.calm()
  }

  async #fill(): Promise<void> {
    while (this.#missing > 0 && !this.#zeros.isStopped) {
      this.#free.push(await this.#create(this.#options.slotBytes, true))
    }
  }

  async #create(bytes: number, isFilled: boolean): Promise<Slot> {
    const { files, directory, space, makeRoom, slotBytes } = this.#options
    const number = this.#nextNumber++
    const slot = new Slot(number, join(directory, slotName(number)), bytes)
    const isStanding = this.#missing > 0 && bytes === slotBytes
    if (isStanding) this.#missing--
    else await space.claim(bytes, makeRoom)
    try {
      await files.makeDirectory(directory)
      const file = await files.open(slot.path, 'replace')
      try {
        if (isFilled) await this.#zeros.fill(file, bytes)
        await file.truncate(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await files.syncDirectory(directory)
      return slot
    } catch (error) {
      if (isStanding) this.#missing++
      else space.release(bytes)
      await this.#remove(slot).catch(() => undefined)
      throw error
    }
  }

  /** Its bytes were released; they are counted again as long as the file can't be removed. */
  #remove(slot: Slot): Promise<void> {
    const { path, bytes } = slot
    return this.#removals.remove({ paths: [path], bytes, close: () => slot.close() })
  }
}

function insert(list: Slot[], slot: Slot): void {
  const place = list.findIndex((one) => one.generation > slot.generation)
  list.splice(place < 0 ? list.length : place, 0, slot)
}
