/**
 * Recognizes copies of one message. In MQTT 5 a broker may send a copy for each of our filters that
 * match it [MQTT-3.3.4-2], as mosquitto does. The subscription identifier says for which filter.
 *
 *     filters 1: a/+/c   2: a/b/#        a/b/c "x" ⟨1⟩  accepted, ⟨2⟩ is expected
 *                                        a/b/c "x" ⟨2⟩  the copy
 *                                        a/b/c "x" ⟨2⟩  another message
 *
 * A message is a copy only if the same one was accepted under other identifiers, so nothing is lost
 * with a broker that sends one message for all filters.
 */
import { createHash } from 'node:crypto'
import { covers } from './covering-filters.ts'

interface Taken {
  readonly topic: string
  readonly digest: string
  readonly cycle: number
  /** The identifiers for which a copy may still come. */
  readonly missing: Set<number>
}

/** Brokers send copies right after one another, so older messages are forgotten. */
const MAX_TAKEN = 256
const MAX_TOPICS = 1_024

export class DuplicateFilter {
  readonly #filters: readonly string[]
  readonly #byTopic = new Map<string, readonly number[]>()
  #taken: Taken[] = []

  /** An identifier is a place in `filters`, counted from 1. */
  constructor(filters: readonly string[]) {
    this.#filters = filters
  }

  /** If this is a copy: the commit cycle of the message that was accepted. */
  find(topic: string, payload: Buffer, identifiers: readonly number[]): number | undefined {
    if (this.#taken.length === 0 || !this.#mayHaveDuplicates(topic, identifiers)) return undefined
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

  /** A message has been accepted, and copies of it may follow. */
  expect(topic: string, payload: Buffer, identifiers: readonly number[], cycle: number): void {
    if (!this.#mayHaveDuplicates(topic, identifiers)) return
    const missing = new Set(this.#matching(topic))
    for (const identifier of identifiers) missing.delete(identifier)
    if (missing.size === 0) return
    this.#taken.push({ topic, digest: digestOf(payload), cycle, missing })
    if (this.#taken.length > MAX_TAKEN) this.#taken.shift()
  }

  /** The messages of this commit cycle were not stored, so copies of them count as messages. */
  forget(cycle: number): void {
    this.#taken = this.#taken.filter((taken) => taken.cycle !== cycle)
  }

  #mayHaveDuplicates(topic: string, identifiers: readonly number[]): boolean {
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
