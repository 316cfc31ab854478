/**
 * Which of several overlapping filters takes a message. The nucleus sends a copy for each filter that
 * matches. The first filter of the list that is subscribed owns the topic, and the other copies are
 * dropped. So nothing has to be remembered of messages.
 */
import { TopicFilter } from '../../topics.ts'

const MAX_CACHED_TOPICS = 4_096

export class FilterOwners {
  #filters: readonly TopicFilter[] = []
  /** Filters on which no messages come. */
  readonly #silent = new Set<string>()
  readonly #owners = new Map<string, string | undefined>()

  use(filters: readonly string[]): void {
    this.#filters = filters.map((filter) => new TopicFilter(filter))
    this.#owners.clear()
  }

  setSilent(filter: string, isSilent: boolean): void {
    if (this.#silent.has(filter) === isSilent) return
    if (isSilent) this.#silent.add(filter)
    else this.#silent.delete(filter)
    this.#owners.clear()
  }

  owns(filter: string, topic: string): boolean {
    let owner = this.#owners.get(topic)
    if (owner === undefined) {
      owner = this.#ownerOf(topic)
      if (this.#owners.size >= MAX_CACHED_TOPICS) this.#owners.clear()
      this.#owners.set(topic, owner)
    }
    return owner === filter
  }

  /** Messages come on a silent filter too, before the nucleus has answered its subscription. */
  #ownerOf(topic: string): string | undefined {
    const matching = this.#filters.filter((filter) => filter.matches(topic))
    const owner = matching.find(({ text }) => !this.#silent.has(text)) ?? matching[0]
    return owner?.text
  }
}
