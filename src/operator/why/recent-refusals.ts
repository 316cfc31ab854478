/**
 * The last messages that were refused or dropped, by their ids, for `why`. They are in memory, bounded,
 * and begin empty when the process starts.
 */
import type { Clock } from '../../clock.ts'
import type { Message, ReceiptSink, Refusal } from '../../message.ts'

export interface RecentRefusal {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly senderId: string | undefined
  readonly messageId: string | undefined
  readonly refusal: Refusal
}

const MAX_REFUSALS = 10_000

export class RecentRefusals {
  readonly #clock: Clock
  readonly #max: number
  readonly #ring: RecentRefusal[] = []
  #next = 0

  constructor(clock: Clock, max = MAX_REFUSALS) {
    this.#clock = clock
    this.#max = max
  }

  /** Notes a message that its channel dropped. */
  dropped({ senderId, messageId }: Message, refusal: Refusal): void {
    this.#note(senderId || undefined, messageId || undefined, refusal)
  }

  /** Notes the failures that are passed on to `sink`. */
  watching(sink: ReceiptSink): ReceiptSink {
    return {
      expectReply: () => sink.expectReply(),
      failure: (senderId, reply, refusal) => {
        this.#note(senderId, undefined, refusal)
        sink.failure(senderId, reply, refusal)
      },
    }
  }

  /** The refusals of one message, the earliest first. */
  of(id: string): RecentRefusal[] {
    return this.#ring
      .filter(({ senderId, messageId }) => senderId === id || messageId === id)
      .sort((one, other) => one.at - other.at)
  }

  #note(senderId: string | undefined, messageId: string | undefined, refusal: Refusal): void {
    if (senderId === undefined && messageId === undefined) return
    this.#ring[this.#next] = { at: this.#clock.now(), senderId, messageId, refusal }
    this.#next = (this.#next + 1) % this.#max
  }
}
