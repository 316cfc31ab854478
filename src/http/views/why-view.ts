/** What the HTTP server may say about one message. */

export interface ExplainedMessage {
  /** Undefined if the message never came into a channel. */
  readonly channel: string | undefined
  readonly offset: number | undefined
  /** What happened, in order. */
  readonly sentences: readonly string[]
}

export interface WhyAnswer {
  readonly id: string
  /** One for each message that has the id; empty if nothing is known of it. */
  readonly messages: readonly ExplainedMessage[]
  /** How far the search went, if it did not reach the oldest message. */
  readonly notes: readonly string[]
}

export interface WhyView {
  /** By the sender's id or the message id: the newest stored messages, and recent refusals. */
  why(id: string): Promise<WhyAnswer>
}
