/**
 * MQTT topic filters: `+` stands for one level, `#` for the rest, its parent level included
 * [MQTT-4.7.1-2, 4.7.1-3]. A filter that begins with a wildcard takes no `$` topics [MQTT-4.7.2-1].
 */

/** A filter that is split into levels once, so that matching splits only the topic. */
export class TopicFilter {
  readonly text: string
  readonly #levels: readonly string[]

  /** @param text a valid filter: the configuration has been checked */
  constructor(text: string) {
    this.text = text
    this.#levels = text.split('/')
  }

  matches(topic: string): boolean {
    const first = this.#levels[0]
    if (topic.startsWith('$') && (first === '#' || first === '+')) return false
    const levels = topic.split('/')
    for (const [index, wanted] of this.#levels.entries()) {
      if (wanted === '#') return true // also if the topic ends at its parent level
      if (wanted !== levels[index] && (wanted !== '+' || index >= levels.length)) return false
    }
    return levels.length === this.#levels.length
  }
}
