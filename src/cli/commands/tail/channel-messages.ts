/** The messages of a channel as one stream: page after page, then those that arrive. */
import { setTimeout as delay } from 'node:timers/promises'
import { ConnectorError } from '../../../errors.ts'
import type { MessageReader } from './message-reader.ts'
import type { StoredMessage } from './stored-message.ts'

export interface Reading {
  /** `earliest`, `now`, an offset or a time in ISO 8601. */
  readonly from: string
  readonly limit: number
  /** Never ends: waits for messages, for the channel to exist, and for the connector to return. */
  readonly follows: boolean
  /** Called once if the channel does not exist yet. */
  readonly absent: () => void
  /** Aborting it ends the reading with an error. */
  readonly signal: AbortSignal
}

const PAGE_MESSAGES = 1_000
const FOLLOW_WAIT_SECONDS = 20
const AGAIN_MS = 1_000
const EMPTY_PAGE_MS = 100

/**
 * Ends at the channel's end unless it follows. Throws `BrokerUnavailable` if the connector can't be
 * reached; after the first answer a following reader waits instead. Throws `InvalidChannelName` if it
 * does not follow and the channel does not exist.
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
    // The connector delays its answer itself; this pause is for a server that does not.
    await delay(EMPTY_PAGE_MS, undefined, { signal })
  }
}

/** The progress of the reading. */
class Position {
  readonly #reading: Reading
  #isAbsenceReported = false
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

  /** If the channel comes into being, all of its messages are new. */
  async awaitChannel(reader: MessageReader): Promise<void> {
    this.hasReachedConnector = true
    if (!this.#reading.follows) throw reader.noSuchChannel()
    if (!this.#isAbsenceReported) this.#reading.absent()
    this.#isAbsenceReported = true
    if (this.from === 'now') this.from = 'earliest'
    await delay(AGAIN_MS, undefined, { signal: this.#reading.signal })
  }
}

function isAway(thrown: unknown): boolean {
  return thrown instanceof ConnectorError && thrown.effect === 'retry'
}
