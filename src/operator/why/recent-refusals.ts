/**
 * The last messages that were refused or dropped, by their ids, for `why`. They are in memory, with
 * a bound on their number and on their bytes, and begin empty when the process starts.
 */
import type { Clock } from '../../clock.ts'
import {
  MAX_MESSAGE_ID_LENGTH,
  type Message,
  type ReceiptSink,
  type Refusal,
} from '../../message.ts'
import { cut, startOf } from '../../shown-text.ts'

export interface RecentRefusal {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Senders' ids may be long; only the first 128 characters are kept and compared. */
  readonly senderId: string | undefined
  readonly messageId: string | undefined
  readonly refusal: Refusal
}

export interface RefusalBounds {
  readonly maxRefusals: number
  readonly maxBytes: number
}

const DEFAULT_BOUNDS: RefusalBounds = { maxRefusals: 10_000, maxBytes: 8 * 1024 * 1024 }
const MAX_REASON = 500
/** Measured: the objects of one refusal. */
const OBJECT_BYTES = 200

export class RecentRefusals {
  readonly #clock: Clock
  readonly #bounds: RefusalBounds
  /** Used as a ring: `#count` refusals from `#first` on. */
  readonly #ring: (RecentRefusal | undefined)[] = []
  #first = 0
  #count = 0
  #bytes = 0

  constructor(clock: Clock, bounds: RefusalBounds = DEFAULT_BOUNDS) {
    this.#clock = clock
    this.#bounds = bounds
  }

  /** About how many bytes they take. */
  get bytes(): number {
    return this.#bytes
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
    const kept = keptId(id)
    return this.#ring
      .filter((one) => one !== undefined)
      .filter(({ senderId, messageId }) => senderId === kept || messageId === kept)
      .sort((one, other) => one.at - other.at)
  }

  #note(senderId: string | undefined, messageId: string | undefined, refusal: Refusal): void {
    if (senderId === undefined && messageId === undefined) return
    const noted: RecentRefusal = {
      at: this.#clock.now(),
      senderId: senderId === undefined ? undefined : keptId(senderId),
      messageId: messageId === undefined ? undefined : keptId(messageId),
      refusal: shortened(refusal),
    }
    const { maxRefusals, maxBytes } = this.#bounds
    const bytes = bytesOf(noted)
    while (this.#count >= maxRefusals || (this.#count > 0 && this.#bytes + bytes > maxBytes)) {
      this.#forgetOldest()
    }
    this.#ring[(this.#first + this.#count) % maxRefusals] = noted
    this.#count += 1
    this.#bytes += bytes
  }

  #forgetOldest(): void {
    const oldest = this.#ring[this.#first]
    if (oldest !== undefined) this.#bytes -= bytesOf(oldest)
    this.#ring[this.#first] = undefined
    this.#first = (this.#first + 1) % this.#bounds.maxRefusals
    this.#count -= 1
  }
}

function keptId(id: string): string {
  return id.length <= MAX_MESSAGE_ID_LENGTH ? id : startOf(id, MAX_MESSAGE_ID_LENGTH)
}

/** Most refusals are short: nothing is copied for them. */
function shortened(refusal: Refusal): Refusal {
  const { error, message } = refusal
  if (message.length <= MAX_REASON) return refusal
  return { error: keptId(error), message: cut(message, MAX_REASON) }
}

function bytesOf({ senderId = '', messageId = '', refusal }: RecentRefusal): number {
  const characters =
    senderId.length + messageId.length + refusal.error.length + refusal.message.length
  return 2 * characters + OBJECT_BYTES
}
