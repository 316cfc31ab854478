/** A channel's messages from a point on, as one stream: page after page, and on with what arrives. */
import { setTimeout as delay } from 'node:timers/promises'
import { ConnectorError } from '../../../errors.ts'
import type { MessageReader } from './message-reader.ts'
import type { StoredMessage } from './stored-message.ts'

export interface Reading {
  /** `earliest`, `now`, an offset or a time in ISO 8601. */
  readonly from: string
  readonly limit: number
  /** Goes on for ever: waits for what arrives, for the channel to come into being, for a connector that is away. */
  readonly follows: boolean
  /** Called once when there is no such channel (yet) to follow. */
  readonly absent: () => void
  /** Ends the waiting, and the reading with it, by throwing. */
  readonly signal: AbortSignal
}

const PAGE_MESSAGES = 1_000
const FOLLOW_WAIT_SECONDS = 20
const AGAIN_MS = 1_000
const EMPTY_PAGE_MS = 100

/**
 * Ends at the channel's end unless it follows. Throws `BrokerUnavailable` when the connector can't be
 * reached, while following only at first; `InvalidChannelName` when there is no channel to end at.
 */
export async function* channelMessages(
  reader: MessageReader,
  reading: Reading,
): AsyncGenerator<StoredMessage> {
  const { follows, signal } = reading
  const waitSeconds = follows ? FOLLOW_WAIT_SECONDS : 0
  const position = new Position(reading)
  while (position.left > 0) {
    const before = position.left
    try {
      const limit = Math.min(position.left, PAGE_MESSAGES)
      const page = await reader.open({ from: position.from, limit, waitSeconds })
      if (page === undefined) await position.awaitChannel(reader)
      else yield* position.follow(page.next, page.messages)
    } catch (thrown) {
      const isPatient = follows && position.hasReachedConnector && !signal.aborted
      if (!isPatient || !isAway(thrown)) throw thrown
      await delay(AGAIN_MS, undefined, { signal })
      continue
    }
    if (position.left !== before) continue
    if (!follows) return
    // The connector has held the answer back already; this is for one that doesn't.
    await delay(EMPTY_PAGE_MS, undefined, { signal })
  }
}

/** How far the reading has come. */
class Position {
  readonly #reading: Reading
  #isAbsenceTold = false
  hasReachedConnector = false
  from: string
  left: number

  constructor(reading: Reading) {
    this.#reading = reading
    this.from = reading.from
    this.left = reading.limit
  }

  async *follow(next: string, messages: AsyncIterable<StoredMessage>) {
    this.hasReachedConnector = true
    this.from = next
    for await (const message of messages) {
      this.from = String(message.offset + 1)
      this.left -= 1
      yield message
    }
  }

  /** All that a channel holds that comes into being has arrived from now on. */
  async awaitChannel(reader: MessageReader): Promise<void> {
    this.hasReachedConnector = true
    if (!this.#reading.follows) throw reader.noSuchChannel()
    if (!this.#isAbsenceTold) this.#reading.absent()
    this.#isAbsenceTold = true
    if (this.from === 'now') this.from = 'earliest'
    await delay(AGAIN_MS, undefined, { signal: this.#reading.signal })
  }
}

function isAway(thrown: unknown): boolean {
  return thrown instanceof ConnectorError && thrown.effect === 'retry'
}
