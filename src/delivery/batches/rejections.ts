/** What becomes of messages that a destination rejects: they are reported, and kept as dead letters. */
import type { Channel } from '../../channels/channel.ts'
import type { DeadLetters } from '../../channels/dead-letters/dead-letters.ts'
import type { BatchOutcome, Destination } from '../../destinations/destination.ts'
import type { Message, Refusal } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'

export interface RejectionsOptions {
  readonly channel: Channel
  readonly destination: Destination
  /** Undefined: rejected messages are not kept. */
  readonly deadLetters: DeadLetters | undefined
  readonly observer: PipelineObserver
}

export class Rejections {
  readonly #options: RejectionsOptions

  constructor(options: RejectionsOptions) {
    this.#options = options
  }

  take(messages: readonly Message[], { rejected }: BatchOutcome): void {
    if (rejected.length === 0) return
    const counts = new Map<string, number>()
    for (const { index, refusal } of rejected) {
      const message = messages[index]
      if (message !== undefined) this.#keep(message, refusal)
      counts.set(refusal.error, (counts.get(refusal.error) ?? 0) + 1)
    }
    const { channel, destination, observer } = this.#options
    for (const [error, count] of counts) {
      observer.messagesRejected(channel.name, destination.name, count, error)
    }
  }

  #keep(message: Message, refusal: Refusal): void {
    const { channel, destination, deadLetters } = this.#options
    const { topic, receivedAt, senderId, messageId, payload } = message
    deadLetters?.keep({
      channel: channel.name,
      destination: destination.name,
      refusal,
      topic,
      receivedAt,
      senderId,
      messageId,
      payload,
    })
  }
}
