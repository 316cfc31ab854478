/** Writes the bodies of requests: as many messages as fit, in the format that the settings name. */
import type { Message } from '../../message.ts'
import type { Batch } from '../destination.ts'
import type { GrowingBuffer } from '../rows/growing-buffer.ts'
import type { MessageWriter } from '../rows/message-writer.ts'
import { RowWriter } from '../rows/row-writer.ts'
import { EventWriter } from './event-writer.ts'

export type BodyFormat = 'ndjson' | 'json' | 'cloudevents'

/** What stands before, between and after the messages. */
interface Framing {
  readonly contentType: string
  readonly before: string
  readonly between: string
  readonly after: string
}

const ARRAY = { before: '[', between: ',', after: ']' }
const FRAMINGS: Readonly<Record<BodyFormat, Framing>> = {
  ndjson: { contentType: 'application/x-ndjson', before: '', between: '\n', after: '\n' },
  json: { contentType: 'application/json', ...ARRAY },
  cloudevents: { contentType: 'application/cloudevents-batch+json; charset=utf-8', ...ARRAY },
}

export interface BodyWriterOptions {
  readonly format: BodyFormat
  readonly connectorId: string
  readonly eventType: string
  readonly maxBodyBytes: number
}

export class BodyWriter {
  readonly contentType: string
  readonly #framing: Framing
  readonly #messages: MessageWriter
  readonly #maxBytes: number

  constructor({ format, connectorId, eventType, maxBodyBytes }: BodyWriterOptions) {
    this.#framing = FRAMINGS[format]
    this.contentType = this.#framing.contentType
    this.#messages =
      format === 'cloudevents'
        ? new EventWriter(connectorId, eventType)
        : new RowWriter(connectorId)
    this.#maxBytes = maxBodyBytes
  }

  /**
   * Writes messages of the batch from index `from` on: at least one, and then as long as the body
   * is not too large. That depends on the messages alone, so it is the same each time.
   * @returns the index after the last of them
   */
  write(out: GrowingBuffer, batch: Batch, from: number): number {
    const { before, between, after } = this.#framing
    out.clear()
    out.writeAscii(before)
    let index = from
    for (; index < batch.messages.length; index++) {
      const start = out.length
      if (index > from) out.writeAscii(between)
      this.#messages.write(out, batch, batch.messages[index] as Message)
      if (index > from && out.length + after.length > this.#maxBytes) {
        out.length = start
        break
      }
    }
    out.writeAscii(after)
    return index
  }
}
