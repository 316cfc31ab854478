/** A filter of `inputs`, cut into levels once, so that matching splits only the topic. */
import { covers, type Levels } from '../topics.ts'

export class TopicFilter {
  readonly text: string
  readonly #levels: Levels

  /** @param text a valid filter: the configuration has been checked */
  constructor(text: string) {
    this.text = text
    this.#levels = text.split('/')
  }

  matches(topic: string): boolean {
    // A topic with more levels needs no more of them to be compared.
    return covers(this.#levels, topic.split('/', this.#levels.length + 1))
  }
}
