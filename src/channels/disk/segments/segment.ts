/**
 * One file of a log and its index: `<base offset>.log` and `<base offset>.idx`.
 *
 *     ┌──────────────┬───────┬───────┬─────┬───────┐
 *     │ opening frame│ frame │ frame │  …  │ frame │   appended to while active, never changed
 *     │ base, no     │       │       │     │       │
 *     │ records      │       │       │     │       │
 *     └──────────────┴───────┴───────┴─────┴───────┘
 *
 * A segment ends where the next one's base is. Frames of a failed commit may still lie in the file
 * behind that offset; they are never read. The file name gives the base, so sealed segments need
 * not be opened at start.
 */
import { join } from 'node:path'
import type { SegmentIndex } from '../format/segment-index.ts'
import { isOffset } from '../format/state-shape.ts'

/** 2^48 has 15 digits. */
const NAME_DIGITS = 16
const LOG_NAME = /^(\d{16})\.log$/

/** What a directory says about a segment. */
export interface ListedSegment {
  readonly end: number
  readonly bytes: number
  readonly writtenAt: number
  readonly indexBytes?: number
}

export class Segment {
  readonly directory: string
  readonly base: number
  #end: number
  #bytes: number
  #unsyncedBytes = 0
  #uncutBytes = 0
  #indexBytes: number
  #historyBytes = 0
  #readFailures = 0
  #index: SegmentIndex | undefined
  /** Milliseconds since 1970 of the last write, or of the first while it is active. */
  readonly writtenAt: number

  constructor(
    directory: string,
    base: number,
    { end, bytes, writtenAt, indexBytes = 0 }: ListedSegment,
  ) {
    this.directory = directory
    this.base = base
    this.#end = end
    this.#bytes = bytes
    this.writtenAt = writtenAt
    this.#indexBytes = indexBytes
  }

  /** The offset after the last committed record. */
  get end(): number {
    return this.#end
  }

  /** Length of the `.log` file up to which frames are committed. */
  get bytes(): number {
    return this.#bytes
  }

  /** Bytes that lie in the file behind `bytes` and are not durable yet. */
  get unsyncedBytes(): number {
    return this.#unsyncedBytes
  }

  /** The bytes it had when it became history. */
  get historyBytes(): number {
    return this.#historyBytes
  }

  /** How often reading it has failed. */
  get readFailures(): number {
    return this.#readFailures
  }

  /** Undefined for a sealed segment that has not been read yet. */
  get index(): SegmentIndex | undefined {
    return this.#index
  }

  /** Bytes it takes on the disk, its index included. */
  get heldBytes(): number {
    return this.#bytes + this.#unsyncedBytes + this.#uncutBytes + this.#indexBytes
  }

  get isEmpty(): boolean {
    return this.#end === this.base
  }

  get logName(): string {
    return `${nameOf(this.base)}.log`
  }

  get logPath(): string {
    return join(this.directory, this.logName)
  }

  get indexName(): string {
    return indexNameOf(this.base)
  }

  get indexPath(): string {
    return join(this.directory, this.indexName)
  }

  /** Sets the end that a scan of the file has found. */
  endsAt({ end, bytes = this.#bytes }: { readonly end: number; readonly bytes?: number }): void {
    this.#end = end
    this.#bytes = bytes
  }

  keepIndex(index: SegmentIndex | undefined): void {
    this.#index = index
  }

  /** `bytes` more are about to be written behind what is there. */
  beginWrite(bytes: number): void {
    this.#unsyncedBytes += bytes
  }

  /** `bytes` that were written, up to the offset `end`, are durable. */
  synced(bytes: number, end: number): void {
    this.#unsyncedBytes -= bytes
    this.#bytes += bytes
    this.#end = end
  }

  /** Bytes that were not durable have been cut off; returns how many. */
  cutBack(): number {
    const bytes = this.#unsyncedBytes
    this.#unsyncedBytes = 0
    return bytes
  }

  /** Bytes that were not durable could not be cut off: the file keeps their room. */
  leaveUncut(): void {
    this.#uncutBytes = this.cutBack()
  }

  /** An index file of `bytes` is about to be written; its room is kept even when that fails. */
  addIndexFile(bytes: number): void {
    this.#indexBytes = bytes
  }

  /** Returns the bytes that are history from now on. */
  becomeHistory(): number {
    this.#historyBytes = this.heldBytes
    return this.#historyBytes
  }

  countReadFailure(): void {
    this.#readFailures++
  }
}

function nameOf(base: number): string {
  return base.toString().padStart(NAME_DIGITS, '0')
}

export function indexNameOf(base: number): string {
  return `${nameOf(base)}.idx`
}

/** The base offset in the name of a `.log` file; undefined when the name is not a segment's. */
export function baseOfLogName(name: string): number | undefined {
  const base = Number(LOG_NAME.exec(name)?.[1])
  return isOffset(base) ? base : undefined
}
