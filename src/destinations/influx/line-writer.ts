/**
 * Writes messages as lines of line protocol.
 *
 *     temperature,connector=site_1,device=d7 celsius=21.5,state="ok" 1790000000123000042
 *     measurement   tags                     fields                  arrival and offset
 */
import type { Message } from '../../message.ts'
import { copyBytes, type GrowingBuffer } from '../rows/growing-buffer.ts'
import { hasSameNames, type Member, membersOf } from '../rows/json-members.ts'
import { isText } from '../rows/json-scan.ts'
import type { RowOrigin } from '../rows/message-writer.ts'
import { type ContentType, payloadOf, typeOfOther } from '../rows/payload.ts'
import { PlainObject } from '../rows/plain-object.ts'
import {
  type FieldRules,
  FieldWriter,
  type NestedValues,
  withoutSameNames,
} from './field-writer.ts'
import {
  escapedName,
  MAX_TIMESTAMP_BYTES,
  maxTextBytes,
  TimestampWriter,
  writeString,
} from './line-text.ts'
import { type TagSource, TagWriter } from './tags.ts'

const SPACE = 0x20
const LINE_FEED = 0x0a
const EQUALS = 0x3d
/** A field of this name is the time of the point to every server. */
const TIME = 'time'
const NO_FIELD =
  'the payload has no field: no number, string, true or false where fields are looked for'

export interface LineRules {
  readonly measurement: string | undefined
  readonly tags: Readonly<Record<string, TagSource>>
  readonly fields: readonly string[] | undefined
  readonly nested: NestedValues
  readonly valueField: string
  /** The name of the field for a payload that is not JSON; undefined: it is refused. */
  readonly rawField: string | undefined
}

export class LineWriter {
  readonly #tags: TagWriter
  readonly #fields: FieldWriter
  readonly #rawField: string | undefined
  readonly #times = new TimestampWriter()
  readonly #plain = new PlainObject()
  readonly #out: GrowingBuffer

  /** @param out where lines are appended to */
  constructor(out: GrowingBuffer, rules: LineRules) {
    const { tags, measurement, fields, nested, valueField, rawField } = rules
    const paths = Object.values(tags).flatMap((source) => ('json' in source ? [source.json] : []))
    const fieldRules: FieldRules = {
      only: fields === undefined ? undefined : new Set(fields),
      tagged: new Set(paths),
      reserved: new Set([TIME, ...Object.keys(tags)]),
      nested,
      valueField,
    }
    this.#out = out
    this.#tags = new TagWriter(tags, measurement)
    this.#fields = new FieldWriter(out, fieldRules)
    this.#rawField = rawField === undefined ? undefined : escapedName(rawField)
  }

  /**
   * Appends the message's line, with a line end.
   * @returns why there is none, for people; undefined if it was written
   */
  write(origin: RowOrigin, message: Message): string | undefined {
    const out = this.#out
    const before = out.length
    const head = this.#tags.headOf(origin.channel, message.topic)
    out.reserve(head.length)
    out.length = copyBytes(head, 0, head.length, out.bytes, before)
    const problem = this.#writeFields(message)
    if (problem !== undefined) {
      out.length = before
      return problem
    }
    out.reserve(MAX_TIMESTAMP_BYTES + 1)
    const end = this.#times.write(message.receivedAt, message.offset, out.bytes, out.length)
    out.bytes[end] = LINE_FEED
    out.length = end + 1
    return undefined
  }

  #writeFields(message: Message): string | undefined {
    const { bytes, start, stop } = payloadOf(message)
    if (this.#plain.scan(bytes, start, stop)) return this.#writePlain(bytes)
    const members = membersOf(bytes, start, stop)
    if (members !== undefined && isText(bytes, start, stop)) {
      if (!hasSameNames(bytes, members)) return this.#writeJson(bytes, start, stop, members)
      const single = withoutSameNames(bytes, members)
      return this.#writeJson(single, 0, single.length, membersOf(single, 0, single.length))
    }
    const type = typeOfOther(bytes, start, stop)
    if (type === 'application/json') return this.#writeJson(bytes, start, stop, undefined)
    return this.#writeRaw(bytes, start, stop, type)
  }

  #writePlain(bytes: Buffer): string | undefined {
    if (this.#tags.hasJson) this.#tags.writePlain(this.#out, bytes, this.#plain)
    this.#out.writeByte(SPACE)
    return this.#fields.writePlain(bytes, this.#plain) > 0 ? undefined : NO_FIELD
  }

  #writeJson(
    bytes: Buffer,
    start: number,
    stop: number,
    members: readonly Member[] | undefined,
  ): string | undefined {
    const out = this.#out
    if (members !== undefined && this.#tags.hasJson) this.#tags.writeJson(out, bytes, members)
    out.writeByte(SPACE)
    try {
      const count = this.#fields.write(bytes, start, stop, members)
      return count > 0 ? undefined : NO_FIELD
    } catch (error) {
      if (error instanceof RangeError) return error.message
      throw error
    }
  }

  #writeRaw(bytes: Buffer, start: number, stop: number, type: ContentType): string | undefined {
    if (this.#rawField === undefined) return 'the payload is not JSON, so it has no fields'
    const isPlain = type === 'text/plain'
    const text = isPlain ? bytes : Buffer.from(bytes.toString('base64', start, stop))
    const [from, to] = isPlain ? [start, stop] : [0, text.length]
    const out = this.#out
    out.writeByte(SPACE)
    out.reserve(this.#rawField.length * 4 + 1 + maxTextBytes(to - from))
    out.length += out.bytes.write(this.#rawField, out.length)
    out.bytes[out.length++] = EQUALS
    out.length = writeString(text, from, to, out.bytes, out.length)
    return undefined
  }
}
