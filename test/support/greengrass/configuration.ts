/** The configurations of the components, and the streams that hear of their changes. */
import type { Character } from './character.ts'
import { IpcError } from './ipc-error.ts'
import { isObject, type JsonObject } from './json-text.ts'

export type KeyPath = readonly string[]

interface Listener {
  readonly component: string
  readonly keyPath: KeyPath
  readonly changed: (keyPath: KeyPath) => void
}

export class Configuration {
  readonly #character: Character
  readonly #components = new Map<string, JsonObject>()
  readonly #listeners = new Set<Listener>()

  constructor(character: Character) {
    this.#character = character
    this.#components.set(character.nucleusComponent, {})
  }

  /** Replaces the value at the key path, and reports the change. `undefined` removes it. */
  set(component: string, keyPath: KeyPath, value: unknown): void {
    const kept = value === undefined ? undefined : this.#character.kept(value)
    const root = this.#components.get(component) ?? {}
    const changed = withValue(root, keyPath, kept)
    this.#components.set(component, isObject(changed) ? changed : {})
    for (const listener of this.#listeners) {
      if (listener.component !== component || !overlap(listener.keyPath, keyPath)) continue
      for (let i = 0; i < this.#character.eventsPerConfigurationChange; i++) {
        listener.changed(keyPath)
      }
    }
  }

  /** @throws IpcError when there is nothing at the key path */
  get(component: string, keyPath: KeyPath): unknown {
    let value: unknown = this.#components.get(component)
    for (const key of keyPath) value = isObject(value) ? value[key] : undefined
    if (value === undefined) throw new IpcError('ResourceNotFoundError', 'Key not found')
    return value
  }

  /** As `get`; a value that is no object comes in an object with its key. */
  getWrapped(component: string, keyPath: KeyPath): JsonObject {
    const value = this.get(component, keyPath)
    return isObject(value) ? value : { [keyPath.at(-1) ?? '']: value }
  }

  accessControlOf(component: string): unknown {
    return this.#components.get(component)?.['accessControl']
  }

  /** Returns what ends the listening. */
  listen(listener: Listener): () => void {
    this.get(listener.component, listener.keyPath)
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Forgets all listeners silently. */
  dropListeners(): void {
    this.#listeners.clear()
  }
}

function withValue(node: unknown, [key, ...rest]: KeyPath, value: unknown): unknown {
  if (key === undefined) return value
  const members = isObject(node) ? node : {}
  return { ...members, [key]: withValue(members[key], rest, value) }
}

function overlap(a: KeyPath, b: KeyPath): boolean {
  return a.every((key, i) => i >= b.length || key === b[i])
}
