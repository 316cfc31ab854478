/** The lines of one batch, and which message each of them comes from. */
import type { Message, Refusal } from '../../message.ts'
import type { Batch, BatchOutcome } from '../destination.ts'
import { GrowingBuffer } from '../rows/growing-buffer.ts'
import { type LineRules, LineWriter } from './line-writer.ts'

/** Larger buffers are let go of. */
const MAX_KEPT_BYTES = 2_097_152

export type Rejection = BatchOutcome['rejected'][number]

export class LineBatch {
  readonly #out = new GrowingBuffer()
  readonly #writer: LineWriter
  /** By line: the message in the batch, and where the line is. */
  #indexes: number[] = []
  #starts: number[] = []
  #stops: number[] = []
  #isWhole = true

  constructor(rules: LineRules) {
    this.#writer = new LineWriter(this.#out, rules)
  }

  get count(): number {
    return this.#indexes.length
  }

  /** Writes the batch's lines in place of those before; returns the messages that have none. */
  write(batch: Batch): Rejection[] {
    this.#out.clear(MAX_KEPT_BYTES)
    this.#indexes = []
    this.#starts = []
    this.#stops = []
    this.#isWhole = true
    const rejected: Rejection[] = []
    const { messages } = batch
    for (let index = 0; index < messages.length; index++) {
      const start = this.#out.length
      const problem = this.#writer.write(batch, messages[index] as Message)
      if (problem === undefined) this.#note(index, start, this.#out.length)
      else rejected.push({ index, refusal: { error: 'ContentRefused', message: problem } })
    }
    return rejected
  }

  #note(index: number, start: number, stop: number): void {
    this.#indexes.push(index)
    this.#starts.push(start)
    this.#stops.push(stop)
  }

  /** The lines as a body. Valid until something else is written. */
  body(): Buffer {
    const content = this.#out.content()
    if (this.#isWhole) return content
    return Buffer.concat(
      this.#starts.map((start, place) => content.subarray(start, this.#stops[place])),
    )
  }

  /** Takes lines out by their places; returns the rejection of each message. */
  takeOut(reasons: ReadonlyMap<number, string>): Rejection[] {
    const taken: Rejection[] = []
    const [indexes, starts, stops] = [this.#indexes, this.#starts, this.#stops]
    this.#indexes = []
    this.#starts = []
    this.#stops = []
    for (const [place, index] of indexes.entries()) {
      const reason = reasons.get(place)
      if (reason === undefined) {
        this.#note(index, starts[place] ?? 0, stops[place] ?? 0)
        continue
      }
      const refusal: Refusal = { error: 'ContentRefused', message: reason }
      taken.push({ index, refusal })
    }
    this.#isWhole = false
    return taken
  }
}
