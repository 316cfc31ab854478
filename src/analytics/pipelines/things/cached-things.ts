/**
 * Remembers what was looked up of things, for directories that are asked over the network. What is
 * known stays in use if the directory cannot be reached, for longer than it counts as fresh.
 */
import type { Clock } from '../../../clock.ts'
import type { JsonObject } from '../json/json-value.ts'
import type { ThingDirectory } from './thing-directory.ts'

export interface CachedThingsOptions {
  /** Undefined if there is no such thing. */
  readonly lookUp: (thingName: string) => Promise<JsonObject | undefined>
  readonly clock: Clock
  readonly freshMs: number
  /** How long no lookup is made after one that failed. */
  readonly retryMs: number
  readonly maxThings: number
  /** Lookups at the same time. */
  readonly concurrency: number
}

interface Failure {
  readonly reason: unknown
  readonly at: number
}

interface Entry {
  readonly known: JsonObject | undefined
  readonly lookedUpAt: number
}

export class CachedThings implements ThingDirectory {
  readonly #options: CachedThingsOptions
  /** By name, those that were looked up longest ago first. */
  readonly #entries = new Map<string, Entry>()
  #failure: Failure | undefined

  constructor(options: CachedThingsOptions) {
    this.#options = options
  }

  /** @throws what a lookup throws, if nothing is known of the thing */
  async find(thingNames: ReadonlySet<string>): Promise<ReadonlyMap<string, JsonObject>> {
    const found = new Map<string, JsonObject>()
    const names = thingNames.values()
    const take = async () => {
      for (const name of names) {
        const known = await this.#knownOf(name)
        if (known !== undefined) found.set(name, known)
      }
    }
    await Promise.all(Array.from({ length: this.#options.concurrency }, take))
    return found
  }

  async #knownOf(name: string): Promise<JsonObject | undefined> {
    const { clock, freshMs } = this.#options
    const entry = this.#entries.get(name)
    if (entry !== undefined && clock.monotonic() - entry.lookedUpAt < freshMs) return entry.known
    try {
      const known = await this.#lookUp(name)
      this.#remember(name, { known, lookedUpAt: clock.monotonic() })
      return known
    } catch (thrown) {
      if (entry === undefined) throw thrown
      return entry.known
    }
  }

  async #lookUp(name: string): Promise<JsonObject | undefined> {
    const { clock, retryMs, lookUp } = this.#options
    const failure = this.#failure
    if (failure !== undefined && clock.monotonic() - failure.at < retryMs) throw failure.reason
    try {
      const known = await lookUp(name)
      this.#failure = undefined
      return known
    } catch (reason) {
      this.#failure = { reason, at: clock.monotonic() }
      throw reason
    }
  }

  #remember(name: string, entry: Entry): void {
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    if (this.#entries.size <= this.#options.maxThings) return
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }
}
