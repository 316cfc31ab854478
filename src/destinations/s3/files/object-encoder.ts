/** Writes messages as the content of one object, into a file on disk. */
import type { Message } from '../../../message.ts'

/** How many values of an object did not fit the type of their column. */
export interface EncoderFigures {
  readonly rows: number
  readonly typeConflicts: number
  /** The columns that they were meant for. */
  readonly conflictColumns: readonly string[]
}

/**
 * The same messages give the same bytes, however `flush` is called in between. What `add` has taken
 * waits in memory until `flush` writes it, except for a last piece that is not complete.
 */
export interface ObjectEncoder extends EncoderFigures {
  add(message: Message): void
  flush(): Promise<void>
  /**
   * Writes the rest. Nothing is added after it. It may be called again after it has failed, and then
   * goes on where it was.
   */
  finish(): Promise<void>
}

/** Where an encoder writes to. */
export interface ByteSink {
  /** The bytes may be used again once it has resolved. Nothing is appended if it fails. */
  append(bytes: Uint8Array): Promise<void>
}
