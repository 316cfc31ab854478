/** The tags of a line: only those that the settings name, so that devices can't invent any. */
import { copyBytes, type GrowingBuffer } from '../rows/growing-buffer.ts'
import { isSameText, type Member, membersOf, type Span, textIn } from '../rows/json-members.ts'
import type { PlainObject } from '../rows/plain-object.ts'
import { escapedName, maxTextBytes, writeName } from './line-text.ts'

/** Where the value of a tag comes from. */
export type TagSource =
  | { readonly topicLevel: number }
  | { readonly json: string }
  | { readonly value: string }

/** The most beginnings of lines that are kept. */
const MAX_KEPT = 10_000
const QUOTE = 0x22
const LETTER_N = 0x6e

interface JsonTag {
  /** `,<key>=` */
  readonly key: Buffer
  readonly path: readonly string[]
  /** The path, if a member of the payload itself is the value. */
  readonly name: Buffer | undefined
}

export class TagWriter {
  readonly #fixed: readonly (readonly [key: string, source: TagSource])[]
  readonly #fromJson: readonly JsonTag[]
  /** Measurement and tags that do not depend on the payload, by channel and topic. */
  readonly #kept = new Map<string, Buffer>()
  readonly #measurement: string | undefined
  /** The last of them. */
  #channel: string | undefined
  #topic: string | undefined
  #head: Buffer = Buffer.alloc(0)

  /** @param measurement undefined: the name of the channel */
  constructor(tags: Readonly<Record<string, TagSource>>, measurement: string | undefined) {
    const sorted = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1))
    this.#fixed = sorted.filter(([, source]) => !('json' in source))
    this.#fromJson = sorted.flatMap(([key, source]) =>
      'json' in source ? [jsonTag(key, source.json)] : [],
    )
    this.#measurement = measurement
  }

  /** Measurement and tags, as bytes to copy. */
  headOf(channel: string, topic: string): Buffer {
    if (topic !== this.#topic || channel !== this.#channel) {
      this.#head = this.#keptHead(channel, topic)
      this.#channel = channel
      this.#topic = topic
    }
    return this.#head
  }

  #keptHead(channel: string, topic: string): Buffer {
    const name = `${channel}\n${topic}`
    let head = this.#kept.get(name)
    if (head === undefined) {
      head = Buffer.from(this.#makeHead(channel, topic))
      if (this.#kept.size >= MAX_KEPT) this.#kept.clear()
      this.#kept.set(name, head)
    }
    return head
  }

  #makeHead(channel: string, topic: string): string {
    const levels = topic.split('/')
    const tags = this.#fixed.map(([key, source]) => {
      const value = 'value' in source ? source.value : levelOf(levels, source)
      return value === '' ? '' : `,${escapedName(key)}=${escapedName(value)}`
    })
    return escapedName(this.#measurement ?? channel) + tags.join('')
  }

  get hasJson(): boolean {
    return this.#fromJson.length > 0
  }

  /** Appends the tags that come from the payload. One that it does not have is left out. */
  writeJson(out: GrowingBuffer, bytes: Buffer, members: readonly Member[]): void {
    for (const { key, path } of this.#fromJson) {
      const text = Buffer.from(textAt(bytes, members, path))
      if (text.length > 0) writeTag(out, key, text, 0, text.length)
    }
  }

  /** The same of a plain object. */
  writePlain(out: GrowingBuffer, bytes: Buffer, plain: PlainObject): void {
    for (const { key, name } of this.#fromJson) {
      const place = name === undefined ? -1 : placeOf(name, bytes, plain)
      if (place < 0) continue
      const start = plain.valueStarts[place] ?? 0
      const stop = plain.valueStops[place] ?? 0
      const quote = bytes[start] === QUOTE ? 1 : 0
      if (bytes[start] === LETTER_N || stop - start === quote * 2) continue
      writeTag(out, key, bytes, start + quote, stop - quote)
    }
  }
}

function jsonTag(key: string, source: string): JsonTag {
  const path = source.split('.')
  const name = path.length === 1 ? Buffer.from(source) : undefined
  return { key: Buffer.from(`,${escapedName(key)}=`), path, name }
}

function placeOf(name: Buffer, bytes: Buffer, { count, nameStarts, nameStops }: PlainObject) {
  for (let i = 0; i < count; i++) {
    if (isSameText(bytes, nameStarts[i] ?? 0, nameStops[i] ?? 0, name, 0, name.length)) return i
  }
  return -1
}

/** @param bytes `[start, stop)` is the value, not empty */
function writeTag(out: GrowingBuffer, key: Buffer, bytes: Buffer, start: number, stop: number) {
  out.reserve(key.length + maxTextBytes(stop - start))
  const at = copyBytes(key, 0, key.length, out.bytes, out.length)
  out.length = writeName(bytes, start, stop, out.bytes, at)
}

/** Counted from 1, or from the end with negative numbers. Empty if there is no such level. */
function levelOf(levels: readonly string[], source: TagSource): string {
  const level = 'topicLevel' in source ? source.topicLevel : 0
  return levels.at(level > 0 ? level - 1 : level) ?? ''
}

/** The value there as text; empty if there is none, or none that can be a tag. */
function textAt(bytes: Buffer, members: readonly Member[], path: readonly string[]): string {
  const [name, ...rest] = path
  const found = members.findLast((member) => textIn(bytes, member.name) === name)
  if (found === undefined) return ''
  if (rest.length === 0) return scalarAt(bytes, found.value)
  const inner = membersOf(bytes, found.value.start, found.value.stop)
  return inner === undefined ? '' : textAt(bytes, inner, rest)
}

function scalarAt(bytes: Buffer, { start, stop }: Span): string {
  if (bytes[start] === QUOTE) return textIn(bytes, { start: start + 1, stop: stop - 1 })
  const text = bytes.toString('latin1', start, stop)
  return /^[{[n]/.test(text) ? '' : text
}
