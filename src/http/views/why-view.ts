/** What the HTTP server may tell of one message. */

export interface MessageStory {
  /** Undefined where the message never came into a channel. */
  readonly channel: string | undefined
  readonly offset: number | undefined
  /** What happened, in the order it did. */
  readonly sentences: readonly string[]
}

export interface Stories {
  readonly id: string
  /** One per message that carries the id; none when nothing is known of it. */
  readonly messages: readonly MessageStory[]
  /** How far the search went, where that was not all the way. */
  readonly notes: readonly string[]
}

export interface StoriesView {
  /** By the sender's id or the message id; finds the newest that are stored, and what is remembered. */
  why(id: string): Promise<Stories>
}
