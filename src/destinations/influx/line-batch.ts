/** The lines of one batch, and which message each of them comes from. */
import type { Refusal } from '../../message.ts'
import type { Batch, BatchOutcome } from '../destination.ts'
import { GrowingBuffer } from '../rows/growing-buffer.ts'
import { type LineRules, LineWriter } from './line-writer.ts'

/** Larger buffers are let go of. */
const MAX_KEPT_BYTES = 2_097_152

interface Line {
  /** Of the message in the batch. */
  readonly index: number
  readonly start: number
  readonly stop: number
}

export type Rejection = BatchOutcome['rejected'][number]

export class LineBatch {
  readonly #out = new GrowingBuffer()
  readonly #writer: LineWriter
  #lines: Line[] = []
  #isWhole = true

  constructor(rules: LineRules) {
    this.#writer = new LineWriter(this.#out, rules)
  }

  get count(): number {
    return this.#lines.length
  }

  /** Writes the batch's lines in place of those before; returns the messages that have none. */
  write(batch: Batch): Rejection[] {
    this.#out.clear(MAX_KEPT_BYTES)
    this.#lines = []
    this.#isWhole = true
    const rejected: Rejection[] = []
    for (const [index, message] of batch.messages.entries()) {
      const start = this.#out.length
      const problem = this.#writer.write(batch, message)
      if (problem === undefined) this.#lines.push({ index, start, stop: this.#out.length })
      else rejected.push({ index, refusal: { error: 'ContentRefused', message: problem } })
    }
    return rejected
  }

  /** The lines as a body. Valid until something else is written. */
  body(): Buffer {
    const content = this.#out.content()
    if (this.#isWhole) return content
    return Buffer.concat(this.#lines.map(({ start, stop }) => content.subarray(start, stop)))
  }

  /** Takes lines out by their places; returns the rejection of each message. */
  takeOut(reasons: ReadonlyMap<number, string>): Rejection[] {
    const taken: Rejection[] = []
    this.#lines = this.#lines.filter(({ index }, place) => {
      const reason = reasons.get(place)
      if (reason === undefined) return true
      const refusal: Refusal = { error: 'ContentRefused', message: reason }
      taken.push({ index, refusal })
      return false
    })
    this.#isWhole = false
    return taken
  }
}
