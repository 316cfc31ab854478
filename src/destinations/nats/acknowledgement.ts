/**
 * JetStream's answers to messages. Those of one stream differ only in their sequence number, so the
 * text before it is remembered:
 *
 *     {"stream":"messages", "seq":1041}
 *     └─ as in the answer before ─┘└──┘
 */
import type { ApiError } from './failure.ts'

export interface Acknowledgement {
  readonly seq?: number
  readonly stream?: string
  readonly error?: ApiError
}

/** A number of 15 digits is one that a double holds exactly. */
const MAX_DIGITS = 15
const ZERO = 0x30
const NINE = 0x39
const CLOSE = 0x7d

export class AcknowledgementReader {
  #head: Uint8Array = new Uint8Array(0)
  #stream: string | undefined

  read(bytes: Uint8Array): Acknowledgement {
    const seq = this.#numberIn(bytes)
    if (seq !== undefined) return { seq, stream: this.#stream ?? '' }
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
    const answer = JSON.parse(text) as Acknowledgement
    this.#learn(answer, text)
    return answer
  }

  /** The sequence number, if that is all that is new. */
  #numberIn(bytes: Uint8Array): number | undefined {
    const head = this.#head
    const digits = bytes.length - head.length - 1
    if (head.length === 0 || digits < 1 || digits > MAX_DIGITS) return undefined
    for (let at = 0; at < head.length; at++) if (bytes[at] !== head[at]) return undefined
    let value = 0
    for (let at = head.length; at < bytes.length - 1; at++) {
      const byte = bytes[at] ?? 0
      if (byte < ZERO || byte > NINE) return undefined
      value = value * 10 + byte - ZERO
    }
    return bytes[bytes.length - 1] === CLOSE ? value : undefined
  }

  #learn({ seq, stream, error }: Acknowledgement, text: string): void {
    const end = `"seq":${seq}}`
    if (stream === undefined || error !== undefined || !text.endsWith(end)) return
    this.#head = Buffer.from(text.slice(0, text.length - `${seq}}`.length))
    this.#stream = stream
  }
}
