/**
 * One file of a log and its index: `<base offset>.log` and `<base offset>.idx`.
 *
 *     ┌──────────────┬───────┬───────┬─────┬───────┐
 *     │ opening frame│ frame │ frame │  …  │ frame │   appended to while active, never changed
 *     │ base, no     │       │       │     │       │
 *     │ records      │       │       │     │       │
 *     └──────────────┴───────┴───────┴─────┴───────┘
 *
 * A segment ends where the next one's base is: frames of a commit that failed may still lie in
 * the file behind that offset and are never read. The name of a segment alone says its base, so
 * the sealed ones need not be opened to start.
 */
import { join } from 'node:path'
import type { SegmentIndex } from '../format/segment-index.ts'

/** 2^48 has 15 digits. */
const NAME_DIGITS = 16
const LOG_NAME = /^(\d{16})\.log$/

export class Segment {
  readonly directory: string
  readonly base: number
  /** The offset after the last committed record. */
  end: number
  /** Length of the `.log` file up to which frames are committed. */
  bytes: number
  /** Bytes that lie in the file behind `bytes`, and are not durable yet. */
  unsyncedBytes = 0
  /** The same of writes that failed, where they could not be cut off. */
  ruinBytes = 0
  /** Bytes of the `.idx` file, or kept for one that could not be written; 0 when there is none. */
  indexBytes = 0
  /** Bytes counted as history. */
  historyBytes = 0
  /** Milliseconds since 1970 of the last write, or of the first while it is active. */
  writtenAt: number
  /** How often it could not be read. */
  readFailures = 0
  /** Undefined for a sealed segment that was not read yet. */
  index: SegmentIndex | undefined

  constructor(directory: string, base: number, end: number, bytes: number, writtenAt: number) {
    this.directory = directory
    this.base = base
    this.end = end
    this.bytes = bytes
    this.writtenAt = writtenAt
  }

  get logName(): string {
    return `${segmentName(this.base)}.log`
  }

  get logPath(): string {
    return join(this.directory, this.logName)
  }

  get indexName(): string {
    return `${segmentName(this.base)}.idx`
  }

  get indexPath(): string {
    return join(this.directory, this.indexName)
  }

  /** Bytes it takes of the disk. */
  get heldBytes(): number {
    return this.bytes + this.unsyncedBytes + this.ruinBytes + this.indexBytes
  }
}

export function segmentName(base: number): string {
  return base.toString().padStart(NAME_DIGITS, '0')
}

/** The base offset a `.log` file is named for; undefined when it is none of ours. */
export function baseOfLogName(name: string): number | undefined {
  const digits = LOG_NAME.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
