/**
 * The log of positions: one record for each batch, in the cycle of the batch's messages. When it has
 * grown, what is known of every stream is appended, and the durable records before are released:
 *
 *     … durable records │ records being committed │ stream a │ stream b │ records …
 *     released ─────────┘ (kept: they are in no stream yet)
 */
import type { SourceLog } from '../source.ts'
import { decodeRecord, encodeRecord, type OriginRecord } from './origin-record.ts'

/** A shorter log is not worth rewriting. */
const SMALL_BYTES = 256 * 1024
/** How many times the size of the state the log may have. */
const MAX_GROWTH = 4
/** Of a record in the log beside its own bytes. */
const RECORD_BYTES = 16

export interface OriginLogOptions {
  readonly log: SourceLog
  /** What is durable. */
  readonly state: () => Iterable<OriginRecord>
  readonly onDamage: (what: string) => void
}

interface Rewriting {
  /** Records below are not needed once those below `end` are durable. */
  readonly from: number
  readonly end: number
  /** Bytes of the records from `from` on. */
  bytes: number
}

export class OriginLog {
  readonly #options: OriginLogOptions
  readonly #log: SourceLog
  /** Bytes of the records that are not durable yet, in order. */
  readonly #staged: number[] = []
  #stateBytes = 0
  #rewriting: Rewriting | undefined
  /** A record could not be stored although its messages were. */
  #isBehind = false

  constructor(options: OriginLogOptions) {
    this.#options = options
    this.#log = options.log
    this.#log.listen({ committed: () => {}, discarded: () => this.#discarded() })
  }

  /** Whether records can be stored, as far as is known. */
  get isReady(): boolean {
    return !this.#isBehind && this.#log.isWritable
  }

  async *read(): AsyncGenerator<OriginRecord> {
    let lost = 0
    for await (const bytes of this.#log.read()) {
      const record = bytes === undefined ? undefined : decodeRecord(bytes)
      if (record === undefined) lost += 1
      else yield record
    }
    if (lost === 0) return
    const what = `${lost} of its records can’t be read; batches that are sent again may be stored again`
    this.#options.onDamage(what)
  }

  append(record: OriginRecord): void {
    if (!this.#append(record)) this.#isBehind = true
  }

  /** To be called when the state has everything that is durable. */
  committed(): void {
    this.#forgetReported()
    const rewriting = this.#rewriting
    if (rewriting !== undefined && this.#log.durableEnd >= rewriting.end) {
      this.#rewriting = undefined
      this.#stateBytes = rewriting.bytes
      this.#log.release(rewriting.from, rewriting.bytes)
    }
    if (this.#rewriting === undefined && this.#isGrown) this.#rewrite()
  }

  /** Writes down what is missing. No batch may be without a record and not be durable. */
  catchUp(): void {
    if (this.#isBehind && this.#log.isWritable) this.#isBehind = !this.#rewrite()
  }

  get #isGrown(): boolean {
    const most = Math.max(SMALL_BYTES, MAX_GROWTH * this.#stateBytes)
    return this.#log.bytes > Math.min(most, this.#log.reservedBytes / 2)
  }

  #rewrite(): boolean {
    const from = this.#log.durableEnd
    const bytes = this.#staged.reduce((sum, one) => sum + one, 0)
    const rewriting = { from, end: 0, bytes }
    this.#rewriting = rewriting
    for (const record of this.#options.state()) {
      if (this.#append(record)) continue
      this.#rewriting = undefined
      return false
    }
    this.#rewriting = { ...rewriting, end: this.#log.end }
    return true
  }

  #append(record: OriginRecord): boolean {
    const encoded = encodeRecord(record)
    if (this.#log.append(encoded) === undefined) return false
    const bytes = encoded.length + RECORD_BYTES
    this.#staged.push(bytes)
    if (this.#rewriting !== undefined) this.#rewriting.bytes += bytes
    return true
  }

  /** The messages of these records were not stored either. A rewrite begins again later. */
  #discarded(): void {
    this.#rewriting = undefined
    this.#forgetReported()
  }

  #forgetReported(): void {
    this.#staged.splice(0, this.#staged.length - (this.#log.end - this.#log.durableEnd))
  }
}
