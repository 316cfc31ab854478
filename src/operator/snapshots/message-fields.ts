/** The fields of JSON payloads: their paths, types, ranges and some values. Bounded and pure. */
import { isUtf8 } from 'node:buffer'
import type { FieldList } from '../../http/api/shapes/channels.ts'
import { cut, printable } from '../../shown-text.ts'

type Field = FieldList['fields'][number]
type FieldType = Field['types'][number]

const MAX_FIELDS = 200
const MAX_DEPTH = 8
/** Of a list, the first items are looked at. */
const MAX_ITEMS = 8
const MAX_PATH = 256
const MAX_EXAMPLES = 5
const MAX_EXAMPLE = 60
/** What can be written without quotes. */
const PLAIN_KEY = /^[A-Za-z_][\w-]*$/

interface Found {
  readonly types: Set<FieldType>
  readonly examples: Set<string>
  present: number
  min: number | null
  max: number | null
}

export class MessageFields {
  readonly #fields = new Map<string, Found>()
  #messages = 0

  /** A payload that is no JSON counts as a message without fields. */
  add(payload: Buffer): void {
    this.#messages += 1
    const value = parsedPayload(payload)
    if (value !== undefined) this.#visit(value, '', 0)
  }

  get list(): FieldList {
    const fields = [...this.#fields].map(([path, { types, examples, present, min, max }]) => {
      return { path, types: [...types], present, min, max, examples: [...examples] }
    })
    return { messages: this.#messages, fields }
  }

  #visit(value: unknown, path: string, depth: number): void {
    if (path !== '' && !this.#note(path, value)) return
    if (depth >= MAX_DEPTH || typeof value !== 'object' || value === null) return
    if (Array.isArray(value)) {
      for (const [index, item] of value.slice(0, MAX_ITEMS).entries()) {
        this.#visit(item, `${path}[${index}]`, depth + 1)
      }
      return
    }
    for (const [key, member] of Object.entries(value)) {
      this.#visit(member, memberPath(path, key), depth + 1)
    }
  }

  /** Returns false if there is no room for the field. */
  #note(path: string, value: unknown): boolean {
    if (path.length > MAX_PATH) return false
    let found = this.#fields.get(path)
    if (found === undefined) {
      if (this.#fields.size >= MAX_FIELDS) return false
      found = { types: new Set(), examples: new Set(), present: 0, min: null, max: null }
      this.#fields.set(path, found)
    }
    found.present += 1
    found.types.add(typeOf(value))
    if (typeof value === 'number') {
      found.min = found.min === null ? value : Math.min(found.min, value)
      found.max = found.max === null ? value : Math.max(found.max, value)
    }
    const isPlain = typeof value !== 'object'
    if (isPlain && found.examples.size < MAX_EXAMPLES) {
      found.examples.add(printable(cut(String(value), MAX_EXAMPLE)))
    }
    return true
  }
}

function parsedPayload(payload: Buffer): unknown {
  if (!isUtf8(payload)) return undefined
  try {
    return JSON.parse(payload.toString())
  } catch {
    return undefined
  }
}

function memberPath(path: string, key: string): string {
  const shown = PLAIN_KEY.test(key) ? key : printable(JSON.stringify(key))
  return path === '' ? shown : `${path}.${shown}`
}

function typeOf(value: unknown): FieldType {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  switch (typeof value) {
    case 'number':
      return 'number'
    case 'boolean':
      return 'boolean'
    case 'object':
      return 'object'
    default:
      return 'text'
  }
}
