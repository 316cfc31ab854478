/**
 * Copies of one message. In MQTT 5 a broker may send one for each of our filters that match it
 * [MQTT-3.3.4-2], mosquitto does; the subscription identifier in each says which filter it is for.
 *
 *     filters 1: a/+/c   2: a/b/#        a/b/c "x" ⟨1⟩  taken, ⟨2⟩ is still to come
 *                                        a/b/c "x" ⟨2⟩  the copy
 *                                        a/b/c "x" ⟨2⟩  another message
 *
 * Only what has been taken in under other identifiers is a copy: a broker that sends one message
 * for all filters loses nothing by this.
 */
import { createHash } from 'node:crypto'
import { covers } from './covering-filters.ts'

interface Taken {
  readonly topic: string
  readonly digest: string
  readonly cycle: number
  /** The identifiers under which it may still come. */
  readonly missing: Set<number>
}

/** Brokers send copies right after one another; older ones are not waited for. */
const MAX_TAKEN = 256
const MAX_TOPICS = 1_024

export class Copies {
  readonly #filters: readonly string[]
  readonly #byTopic = new Map<string, readonly number[]>()
  #taken: Taken[] = []

  /** Identifiers are places in `filters`, beginning with 1. */
  constructor(filters: readonly string[]) {
    this.#filters = filters
  }

  /** The commit cycle of the message that this is a copy of. */
  find(topic: string, payload: Buffer, identifiers: readonly number[]): number | undefined {
    if (this.#taken.length === 0 || !this.#mayHaveCopies(topic, identifiers)) return undefined
    const digest = digestOf(payload)
    const index = this.#taken.findIndex(
      (taken) =>
        taken.topic === topic &&
        taken.digest === digest &&
        identifiers.every((identifier) => taken.missing.has(identifier)),
    )
    const original = this.#taken[index]
    if (original === undefined) return undefined
    for (const identifier of identifiers) original.missing.delete(identifier)
    if (original.missing.size === 0) this.#taken.splice(index, 1)
    return original.cycle
  }

  /** The message has been taken in; copies of it may come. */
  expect(topic: string, payload: Buffer, identifiers: readonly number[], cycle: number): void {
    if (!this.#mayHaveCopies(topic, identifiers)) return
    const missing = new Set(this.#matching(topic))
    for (const identifier of identifiers) missing.delete(identifier)
    if (missing.size === 0) return
    this.#taken.push({ topic, digest: digestOf(payload), cycle, missing })
    if (this.#taken.length > MAX_TAKEN) this.#taken.shift()
  }

  /** What belongs to this commit cycle was not stored, so its copies are messages like any other. */
  forget(cycle: number): void {
    this.#taken = this.#taken.filter((taken) => taken.cycle !== cycle)
  }

  #mayHaveCopies(topic: string, identifiers: readonly number[]): boolean {
    return identifiers.length > 0 && this.#matching(topic).length > 1
  }

  #matching(topic: string): readonly number[] {
    const known = this.#byTopic.get(topic)
    if (known !== undefined) return known
    const matching = this.#filters.flatMap((filter, index) =>
      covers(filter, topic) ? [index + 1] : [],
    )
    if (this.#byTopic.size >= MAX_TOPICS) this.#byTopic.clear()
    this.#byTopic.set(topic, matching)
    return matching
  }
}

function digestOf(payload: Buffer): string {
  return createHash('sha256').update(payload).digest('base64')
}
