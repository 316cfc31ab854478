/**
 * The audiences that are cached on topics. Many subscribers times many topics is much memory, so
 * what all topics hold together is bounded: beyond it, and after each change of a subscription, all
 * of them are found again when their topics are used.
 */

interface Audience {
  /** It grows with the audience: one unit takes about 100 bytes. */
  readonly work: number
}

export interface AudienceHolder<Kind extends Audience> {
  audience: Kind | undefined
}

/** In units of `work`. */
export const MAX_REMEMBERED = 500_000
/** What a topic takes that may no longer be in the topic cache. */
const TOPIC = 16

export class RememberedAudiences<Kind extends Audience> {
  readonly #max: number
  #topics: AudienceHolder<Kind>[] = []
  #held = 0

  constructor(max: number) {
    this.#max = max
  }

  get held(): number {
    return this.#held
  }

  /** An audience that is too large to be remembered with others is remembered alone. */
  remember(topic: AudienceHolder<Kind>, audience: Kind): void {
    const more = TOPIC + audience.work
    if (this.#held + more > this.#max) this.forget()
    topic.audience = audience
    this.#topics.push(topic)
    this.#held += more
  }

  forget(): void {
    if (this.#topics.length === 0) return
    for (const topic of this.#topics) topic.audience = undefined
    this.#topics = []
    this.#held = 0
  }
}
