/**
 * The frames that the journal holds of one log: a run in each slot, ascending and without a gap
 * from one run to the next. Released frames are kept for replay only; settled ones are in the log's
 * segments as well.
 *
 *     slot 5      slot 7        slot 8
 *     ┌────────┐  ┌──────────┐  ┌────
 *     │▓▓ ▓ ▓▓▓│  │▓ ▓▓▓▓▓ ▓ │  │▓▓▓       ▶ offsets
 *     └────────┘  └──────────┘  └────
 */

import type { OffsetRange } from '../../log/channel-log.ts'
import { countUpTo } from '../format/segment-index.ts'
import type { PlacedFrame, Slot, SlotUser } from './slot.ts'

/** The frames that one slot holds of one log. */
export class Extent {
  readonly slot: Slot
  /** The use of the slot that the extent belongs to. */
  readonly generation: number
  readonly firstOffset: number
  #endOffset: number
  #newestReceivedAt = 0
  #frames: FrameTable | undefined
  #readFailures = 0

  constructor(slot: Slot, firstOffset: number, endOffset: number, frames: FrameTable | undefined) {
    this.slot = slot
    this.generation = slot.generation
    this.firstOffset = firstOffset
    this.#endOffset = endOffset
    this.#frames = frames
  }

  get endOffset(): number {
    return this.#endOffset
  }

  /** The newest receivedAt up to the end; 0 where it is not known. */
  get newestReceivedAt(): number {
    return this.#newestReceivedAt
  }

  /** Where each frame is. Undefined for a slot kept for replay that has not been read. */
  get frames(): FrameTable | undefined {
    return this.#frames
  }

  /** How often in a row it could not be read. */
  get readFailures(): number {
    return this.#readFailures
  }

  /** Adds a frame that follows the others. */
  add({ position, bytes, firstOffset, endOffset, newestReceivedAt }: PlacedFrame): void {
    this.#frames?.add(firstOffset, position, bytes)
    this.#endOffset = endOffset
    this.#newestReceivedAt = Math.max(this.#newestReceivedAt, newestReceivedAt)
  }

  keepTable(frames: FrameTable): void {
    this.#frames = frames
  }

  dropTable(): void {
    this.#frames = undefined
  }

  countReadFailure(): void {
    this.#readFailures++
  }

  clearReadFailures(): void {
    this.#readFailures = 0
  }
}

/**
 * Frames by number: plain arrays of numbers, because a busy slot has many. `docs/specs/log.md` says
 * how much memory they take at most.
 */
export class FrameTable {
  readonly #offsets: number[] = []
  readonly #positions: number[] = []
  readonly #bytes: number[] = []

  get count(): number {
    return this.#offsets.length
  }

  add(firstOffset: number, position: number, bytes: number): void {
    this.#offsets.push(firstOffset)
    this.#positions.push(position)
    this.#bytes.push(bytes)
  }

  firstOffset(index: number): number {
    return this.#offsets[index] ?? Number.POSITIVE_INFINITY
  }

  position(index: number): number {
    return this.#positions[index] ?? 0
  }

  bytes(index: number): number {
    return this.#bytes[index] ?? 0
  }

  /** The frame that holds `offset`, or the last one before it. */
  indexOf(offset: number): number {
    const upTo = countUpTo(offset, this.count, (index) => this.firstOffset(index))
    return Math.max(0, upTo - 1)
  }
}

export class Extents {
  readonly #user: SlotUser
  readonly #list: Extent[] = []
  /** The first extent with a frame that is neither released nor settled, and that frame. */
  #heldFrom = 0
  #heldFrame = 0
  #heldBytes = 0

  constructor(user: SlotUser) {
    this.#user = user
  }

  /**
   * Bytes of frames that are neither released nor settled: room is reserved for them in the
   * segments.
   */
  get heldBytes(): number {
    return this.#heldBytes
  }

  get list(): readonly Extent[] {
    return this.#list
  }

  get firstOffset(): number | undefined {
    return this.#list[0]?.firstOffset
  }

  /**
   * The offset after the oldest held frames that have `bytes` together, or after all of them if
   * they have less; undefined if no frame is held.
   */
  heldEnd(bytes: number): number | undefined {
    let end: number | undefined
    let held = 0
    let frame = this.#heldFrame
    for (const extent of this.#list.slice(this.#heldFrom)) {
      const { frames } = extent
      for (; frames !== undefined && frame < frames.count && held < bytes; frame++) {
        held += frames.bytes(frame)
        end = Math.min(frames.firstOffset(frame + 1), extent.endOffset)
      }
      frame = 0
    }
    return end
  }

  /** The offsets of each extent. */
  runs(): OffsetRange[] {
    return this.#list.map(({ firstOffset, endOffset }) => ({ from: firstOffset, to: endOffset }))
  }

  /** Forgets extents that end at or before `offset`, but not the last, which may still grow. */
  dropBelow(offset: number): void {
    for (let first = this.#list[0]; first !== undefined; first = this.#list[0]) {
      if (first.endOffset > offset || this.#list.length === 1 || this.#heldFrom === 0) return
      this.#list.shift()
      this.#heldFrom--
      if (!this.#list.some(({ slot }) => slot === first.slot)) first.slot.removeUser(this.#user)
    }
  }

  /** Adds a committed frame. */
  add(frame: PlacedFrame): void {
    const { slot, firstOffset, endOffset } = frame
    let extent = this.#list.at(-1)
    if (extent?.slot !== slot || extent.frames === undefined) {
      extent = new Extent(slot, firstOffset, endOffset, new FrameTable())
      this.#list.push(extent)
      slot.addUser(this.#user)
    }
    slot.markNeeded(this.#user)
    extent.add(frame)
    this.#heldBytes += frame.bytes
  }

  /** Adds a run kept for replay that was found when opening. It must come before all others. */
  addHistory(slot: Slot, firstOffset: number, endOffset: number): void {
    this.#list.unshift(new Extent(slot, firstOffset, endOffset, undefined))
    this.#heldFrom++
    slot.addUser(this.#user)
  }

  /** The extent that holds `offset`. */
  find(offset: number): Extent | undefined {
    for (let index = this.#list.length - 1; index >= 0; index--) {
      const extent = this.#list[index]
      if (extent !== undefined && extent.firstOffset <= offset) {
        return offset < extent.endOffset ? extent : undefined
      }
    }
    return undefined
  }

  /**
   * Messages below `offset` are not needed here any more. Returns the bytes of the frames wholly
   * below it that were held until now.
   */
  release(offset: number): number {
    let released = 0
    for (let extent = this.#list[this.#heldFrom]; extent !== undefined; ) {
      const { frames, slot } = extent
      while (frames !== undefined && this.#heldFrame < frames.count) {
        const end = Math.min(frames.firstOffset(this.#heldFrame + 1), extent.endOffset)
        if (end > offset) break
        released += frames.bytes(this.#heldFrame)
        this.#heldFrame++
      }
      if (frames !== undefined && this.#heldFrame < frames.count) break
      slot.markReleased(this.#user)
      // The last run may still grow.
      if (this.#heldFrom === this.#list.length - 1) break
      // The table is built again if somebody replays the extent.
      extent.dropTable()
      this.#heldFrom++
      this.#heldFrame = 0
      extent = this.#list[this.#heldFrom]
    }
    this.#heldBytes -= released
    return released
  }

  /** The extents with held frames, the oldest first, up to that of the slot. */
  heldUpTo(slot: Slot): readonly Extent[] {
    const index = this.#list.findIndex((extent) => extent.slot === slot)
    return this.#list.slice(this.#heldFrom, index + 1)
  }

  /** The first held frame of the extent, by its number in the table. */
  firstHeld(extent: Extent): number {
    const index = this.#list.indexOf(extent)
    if (index < this.#heldFrom) return extent.frames?.count ?? 0
    return index === this.#heldFrom ? this.#heldFrame : 0
  }

  /** The slot is gone. Returns its extent; older ones go with it. */
  forget(slot: Slot): Extent | undefined {
    const index = this.#list.findIndex((extent) => extent.slot === slot)
    if (index < 0) return undefined
    // No reader could go on from the extents before it.
    for (const { slot } of this.#list.splice(0, index)) slot.removeUser(this.#user)
    this.#heldFrom -= index
    const extent = this.#list.shift()
    if (this.#heldFrom > 0) this.#heldFrom--
    else this.#heldFrame = 0
    return extent
  }
}
