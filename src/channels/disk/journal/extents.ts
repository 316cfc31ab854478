/**
 * What the journal holds of one log: in each slot a run of frames, ascending and without a gap from
 * run to run. Those below `releasedTo` are kept for replay only; those below `settledTo` are in the
 * log's segments as well.
 *
 *     slot 5      slot 7        slot 8
 *     ┌────────┐  ┌──────────┐  ┌────
 *     │▓▓ ▓ ▓▓▓│  │▓ ▓▓▓▓▓ ▓ │  │▓▓▓       ▶ offsets
 *     └────────┘  └──────────┘  └────
 */

import type { OffsetRange } from '../../log/channel-log.ts'
import { countUpTo } from '../format/sorted.ts'
import type { PlacedFrame, Slot, SlotUser } from './slot.ts'

/** The frames that one slot holds of one log. */
export class Extent {
  readonly slot: Slot
  /** Of the use of the slot that it is about. */
  readonly generation: number
  readonly firstOffset: number
  endOffset: number
  /** Newest receivedAt up to the end; 0 where it is not known. */
  newestReceivedAt = 0
  /** Where each frame is; undefined until the slot is read, where it is kept for replay only. */
  frames: FrameTable | undefined
  /** How often it could not be read. */
  readFailures = 0

  constructor(slot: Slot, firstOffset: number, endOffset: number, frames: FrameTable | undefined) {
    this.slot = slot
    this.generation = slot.generation
    this.firstOffset = firstOffset
    this.endOffset = endOffset
    this.frames = frames
  }
}

/** Frames by number: plain arrays of numbers, because a busy slot has many. */
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
  /** The first extent with a frame that takes room of the log's share of the disk, and that frame. */
  #heldFrom = 0
  #heldFrame = 0
  /** Bytes of frames that are neither released nor settled: their room is kept in the segments. */
  heldBytes = 0

  constructor(user: SlotUser) {
    this.#user = user
  }

  get list(): readonly Extent[] {
    return this.#list
  }

  get firstOffset(): number | undefined {
    return this.#list[0]?.firstOffset
  }

  /**
   * The offset below which the oldest frames take `bytes` of room, or all that there is; undefined
   * when no frame takes any.
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

  /** Forgets extents that end at or before `offset`; the last one stays, for it may go on. */
  dropBelow(offset: number): void {
    for (let first = this.#list[0]; first !== undefined; first = this.#list[0]) {
      if (first.endOffset > offset || this.#list.length === 1 || this.#heldFrom === 0) return
      this.#list.shift()
      this.#heldFrom--
      if (!this.#list.some(({ slot }) => slot === first.slot)) first.slot.users.delete(this.#user)
    }
  }

  /** Takes note of a committed frame. */
  add({ slot, position, bytes, firstOffset, endOffset, newestReceivedAt }: PlacedFrame): void {
    let extent = this.#list.at(-1)
    if (extent?.slot !== slot || extent.frames === undefined) {
      extent = new Extent(slot, firstOffset, endOffset, new FrameTable())
      this.#list.push(extent)
      slot.users.add(this.#user)
    }
    slot.neededBy.add(this.#user)
    extent.frames?.add(firstOffset, position, bytes)
    extent.endOffset = endOffset
    extent.newestReceivedAt = Math.max(extent.newestReceivedAt, newestReceivedAt)
    this.heldBytes += bytes
  }

  /** Takes over a run that is kept for replay, found when opening: the one before all others. */
  addHistory(slot: Slot, firstOffset: number, endOffset: number): void {
    this.#list.unshift(new Extent(slot, firstOffset, endOffset, undefined))
    this.#heldFrom++
    slot.users.add(this.#user)
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
   * Messages below `offset` are not needed here any more. Returns the bytes of the frames that lie
   * wholly below it and took room until now.
   */
  letGo(offset: number): number {
    let given = 0
    for (let extent = this.#list[this.#heldFrom]; extent !== undefined; ) {
      const { frames, slot } = extent
      while (frames !== undefined && this.#heldFrame < frames.count) {
        const end = Math.min(frames.firstOffset(this.#heldFrame + 1), extent.endOffset)
        if (end > offset) break
        given += frames.bytes(this.#heldFrame)
        this.#heldFrame++
      }
      if (frames !== undefined && this.#heldFrame < frames.count) break
      slot.neededBy.delete(this.#user)
      // The current slot's run goes on.
      if (this.#heldFrom === this.#list.length - 1) break
      // Of what is kept for replay only, the table is made again when somebody asks.
      extent.frames = undefined
      this.#heldFrom++
      this.#heldFrame = 0
      extent = this.#list[this.#heldFrom]
    }
    this.heldBytes -= given
    return given
  }

  /** The first frame of the extent that takes room, by its number in the table. */
  firstHeld(extent: Extent): number {
    const index = this.#list.indexOf(extent)
    if (index < this.#heldFrom) return extent.frames?.count ?? 0
    return index === this.#heldFrom ? this.#heldFrame : 0
  }

  /** The slot is gone. Returns its extent, which must be the oldest one. */
  forget(slot: Slot): Extent | undefined {
    const index = this.#list.findIndex((extent) => extent.slot === slot)
    if (index < 0) return undefined
    // What lies before it can't be read on from any more.
    for (const { slot } of this.#list.splice(0, index)) slot.users.delete(this.#user)
    this.#heldFrom -= index
    const extent = this.#list.shift()
    if (this.#heldFrom > 0) this.#heldFrom--
    else this.#heldFrame = 0
    return extent
  }
}
