/**
 * The configured values before validation, merged from several origins, and the origin of each. Later
 * values win; mappings are merged, lists are replaced.
 */
import type { ConfigPath } from './schema-index.ts'

/** Undefined if the document has no such key. */
type KeyLocator = (path: ConfigPath) => string | undefined

export class ConfigTree {
  #root: Record<string, unknown> = {}
  readonly #origins = new Map<string, string>()
  readonly #keyLocators: KeyLocator[] = []

  get value(): Readonly<Record<string, unknown>> {
    return this.#root
  }

  /**
   * Merges a whole document. `locate` returns the place of a path in it, `locateKey` that of its
   * last key.
   */
  merge(
    value: unknown,
    locate: (path: ConfigPath) => string,
    path: ConfigPath = [],
    locateKey?: KeyLocator,
  ): void {
    if (locateKey !== undefined) this.#keyLocators.push(locateKey)
    if (!isMapping(value) || (path.length > 0 && Object.keys(value).length === 0)) {
      if (isMapping(value) && isMapping(this.get(path))) return
      this.set(path, copyOf(value), locate(path))
      this.#noteMembers(path, value, locate)
      return
    }
    for (const [key, member] of Object.entries(value)) this.merge(member, locate, [...path, key])
  }

  /** Sets one value; creates the mappings and lists above it as needed. */
  set(path: ConfigPath, value: unknown, origin: string): void {
    const last = path.at(-1)
    if (last === undefined) return
    let container: object = this.#root
    for (const [depth, key] of path.slice(0, -1).entries()) {
      const member = memberOf(container, key)
      const next = isContainer(member) ? member : typeof path[depth + 1] === 'number' ? [] : {}
      put(container, key, next)
      container = next
    }
    put(container, last, value)
    this.#forget(pathText(path))
    this.note(path, origin)
  }

  /** Removes the value at `path`, as if it had not been set. */
  remove(path: ConfigPath): void {
    const last = path.at(-1)
    const container = this.get(path.slice(0, -1))
    if (last === undefined || !isContainer(container)) return
    Reflect.deleteProperty(container, last)
    this.#origins.delete(pathText(path))
    this.#forget(pathText(path))
  }

  #noteMembers(path: ConfigPath, value: unknown, locate: (path: ConfigPath) => string): void {
    if (!isContainer(value)) return
    for (const [key, member] of Object.entries(value)) {
      const inner = [...path, Array.isArray(value) ? Number(key) : key]
      this.note(inner, locate(inner))
      this.#noteMembers(inner, member, locate)
    }
  }

  /** Forgets the origins below a value that is replaced. */
  #forget(text: string): void {
    for (const known of this.#origins.keys()) {
      if (isWithin(known, text)) this.#origins.delete(known)
    }
  }

  get(path: ConfigPath): unknown {
    let value: unknown = this.#root
    for (const key of path) value = isContainer(value) ? memberOf(value, key) : undefined
    return value
  }

  /** Notes the origin of a value that is not in the tree itself, such as AWS_REGION. */
  note(path: ConfigPath, origin: string): void {
    this.#origins.set(pathText(path), origin)
  }

  /** The origin of the value at `path`, of a parent, or of a member; undefined for defaults. */
  originOf(path: ConfigPath): string | undefined {
    for (let length = path.length; length > 0; length--) {
      const origin = this.#origins.get(pathText(path.slice(0, length)))
      if (origin !== undefined) return origin
    }
    const text = pathText(path)
    for (const [known, origin] of this.#origins) if (isWithin(known, text)) return origin
    return undefined
  }

  /** The place of a key in a file; otherwise the origin of its value. */
  originOfKey(path: ConfigPath): string | undefined {
    const origin = this.originOf(path)
    for (const locate of this.#keyLocators) {
      const place = locate(path)
      if (place !== undefined && fileOf(place) === fileOf(origin ?? place)) return place
    }
    return origin
  }

  /**
   * The origin of this value itself; undefined if it is a default, even below a parent that was
   * set.
   */
  originOfValue(path: ConfigPath): string | undefined {
    if (this.get(path) === undefined) return this.#origins.get(pathText(path))
    return this.originOf(path)
  }
}

/** `destinations[0].iotAnalytics.region`, as `--set` takes it too. */
export function pathText(path: ConfigPath): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? key : `.${key}`
  }
  return text
}

/** `connector.yaml` of `connector.yaml:12:3`. */
function fileOf(place: string): string {
  return place.replace(/:\d+:\d+$/, '')
}

function isWithin(inner: string, outer: string): boolean {
  return inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`)
}

/** Plain objects only: a Buffer with a certificate is a value, not a mapping. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Later changes must not reach the object of the caller. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (!isMapping(value)) return value
  const copy = {}
  for (const [key, member] of Object.entries(value)) put(copy, key, copyOf(member))
  return copy
}

function isContainer(value: unknown): value is object {
  return Array.isArray(value) || isMapping(value)
}

function memberOf(container: object, key: string | number): unknown {
  return Object.getOwnPropertyDescriptor(container, key)?.value
}

/** Defines the property instead of assigning, so that `__proto__` is a key like any other. */
function put(container: object, key: string | number, value: unknown): void {
  Object.defineProperty(container, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}
