/**
 * Remembers which topics clients may publish to, so that a topic asked about before costs one map
 * lookup. Clients invent topics, so all answers together have a bound: when they reach it, all are
 * forgotten. A forgotten answer is only found again.
 */
import { MAX_TOPIC_BYTES } from '../../../message.ts'

/** The answers of one client. */
export type Answers = Map<string, boolean>

/** Of one client; when there are more, they are forgotten. */
const MAX_OF_ONE = 1_024
const MAX_BYTES = 16 * 1024 * 1024
/** Measured: an entry of a map and the header of its string. */
const ENTRY_BYTES = 96
/** Measured: a map with room for a few entries. */
const MAP_BYTES = 256

export class RememberedAnswers {
  readonly #maxBytes: number
  /** The maps that are not empty. */
  readonly #all = new Set<Answers>()
  #bytes = 0

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** About how many bytes the answers of all clients take. */
  get bytes(): number {
    return this.#bytes
  }

  remember(answers: Answers, topic: string, isAllowed: boolean): void {
    // It is refused, whatever the rules say.
    if (topic.length > MAX_TOPIC_BYTES) return
    // What it took is counted until all are forgotten, so a client gains nothing by this.
    if (answers.size >= MAX_OF_ONE) answers.clear()
    const bytes = 2 * topic.length + ENTRY_BYTES + (this.#all.has(answers) ? 0 : MAP_BYTES)
    if (this.#bytes + bytes > this.#maxBytes) this.#forgetAll()
    this.#bytes += bytes
    this.#all.add(answers)
    answers.set(topic, isAllowed)
  }

  #forgetAll(): void {
    for (const answers of this.#all) answers.clear()
    this.#all.clear()
    this.#bytes = 0
  }
}
