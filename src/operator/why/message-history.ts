/**
 * What is known of one message: from its log, the attempts of destinations, dead letters, refusals.
 */
import type { ChannelSet } from '../../channels/channel-set.ts'
import type { KeptDeadLetter } from '../../channels/dead-letters/dead-letter-record.ts'
import type { Clock } from '../../clock.ts'
import type { DestinationDelivery } from '../../delivery/destination-delivery.ts'
import type { Story } from '../../http/api/shapes/messages.ts'
import type { ExplainedMessage, WhyAnswer } from '../../http/views/why-view.ts'
import { timeText } from '../../iso-time.ts'
import { type FoundMessage, findMessages, type SearchResult } from './message-search.ts'
import type { RecentRefusal, RecentRefusals } from './recent-refusals.ts'
import { dropSentence, type StoredFacts, storedSentences } from './sentences.ts'
import { letterStory, refusedStory, storedStory } from './story-steps.ts'

export interface MessageHistoryOptions {
  readonly channels: ChannelSet
  readonly deliveries: readonly DestinationDelivery[]
  readonly refusals: RecentRefusals
  readonly clock: Clock
  readonly reports: 'all' | 'failures' | 'none'
}

const LETTERS_AT_ONCE = 500
/** Beyond these, one more shows that there are more. */
const MAX_LETTERS = 20
const MAX_REFUSALS = 20

const TOO_MANY =
  'More messages have the same id; the newest stored ones and the oldest dead letters are shown.'

/** What is known of the messages with one id. */
interface FoundFacts {
  readonly stored: readonly StoredFacts[]
  readonly letters: readonly KeptDeadLetter[]
  readonly refused: readonly RecentRefusal[]
  readonly notes: string[]
}

export class MessageHistory {
  readonly #options: MessageHistoryOptions
  readonly #startedAt: number

  constructor(options: MessageHistoryOptions) {
    this.#options = options
    this.#startedAt = options.clock.now()
  }

  async why(id: string): Promise<WhyAnswer> {
    const { stored, letters, refused, notes } = await this.#find(id)
    return {
      id,
      messages: [
        ...stored.map(explainStored),
        ...letters.map(explainLetter),
        ...explainRefusals(refused),
      ],
      notes,
    }
  }

  /** The same as steps with their times. */
  async story(id: string): Promise<Story> {
    const { stored, letters, refused, notes } = await this.#find(id)
    return {
      id,
      messages: [
        ...stored.map(storedStory),
        ...letters.map(letterStory),
        ...(refused.length === 0 ? [] : [refusedStory(refused)]),
      ],
      notes,
    }
  }

  async #find(id: string): Promise<FoundFacts> {
    const { channels, clock, refusals } = this.#options
    const search = await findMessages(channels, id, clock)
    const remembered = refusals.of(id).slice(-MAX_REFUSALS)
    const stored = search.found.map((found) => this.#factsOf(found, remembered))
    const letters = await this.#lettersOf(id)
    const isCut = search.isCut || letters.length > MAX_LETTERS
    return {
      stored,
      letters: letters.slice(0, MAX_LETTERS),
      refused: stored.length + letters.length === 0 ? remembered : [],
      notes: [...notesOf(search), ...(isCut ? [TOO_MANY] : [])],
    }
  }

  #factsOf({ channel, message }: FoundMessage, remembered: readonly RecentRefusal[]): StoredFacts {
    const { deliveries, reports } = this.#options
    const { offset, messageId } = message
    return {
      channel: channel.name,
      message,
      destinations: deliveries.map(({ destination, trail }, index) => {
        const { position } = channel.cursor(destination.name)
        const isOpen = position.isInFlight(offset) ? 'in flight' : 'waiting'
        return {
          name: destination.name,
          isPrimary: index === 0,
          state: position.isSettled(offset) ? 'settled' : isOpen,
          before: Math.max(0, position.unsettled(offset)),
          attempts: trail.of(channel.name, offset),
        }
      }),
      drops: remembered.filter((one) => one.messageId === messageId),
      trailSince: this.#startedAt,
      reports,
    }
  }

  async #lettersOf(id: string): Promise<KeptDeadLetter[]> {
    const { deadLetters } = this.#options.channels
    const found: KeptDeadLetter[] = []
    let next: number | undefined = deadLetters === undefined ? undefined : 0
    while (deadLetters !== undefined && next !== undefined && found.length <= MAX_LETTERS) {
      const letters: readonly KeptDeadLetter[] = await deadLetters.read(next, LETTERS_AT_ONCE)
      found.push(...letters.filter((one) => one.senderId === id || one.messageId === id))
      const last = letters.at(-1)
      next = last === undefined ? undefined : last.offset + 1
    }
    return found
  }
}

function explainStored(facts: StoredFacts): ExplainedMessage {
  const { channel, message } = facts
  return { channel, offset: message.offset, sentences: storedSentences(facts) }
}

function explainLetter(letter: KeptDeadLetter): ExplainedMessage {
  const { channel, destination, refusal, topic, receivedAt, keptAt, offset } = letter
  const by = destination ?? 'routing'
  return {
    channel,
    offset: undefined,
    sentences: [
      `Received ${timeText(receivedAt)} on topic ${topic} for channel ${channel}.`,
      `Rejected by ${by}: ${refusal.error}: ${refusal.message}`,
      `Kept as a dead letter since ${timeText(keptAt)} (#${offset}); replay sends it again.`,
    ],
  }
}

function explainRefusals(refusals: readonly RecentRefusal[]): ExplainedMessage[] {
  if (refusals.length === 0) return []
  const sentences = refusals.map(({ at, refusal }) => dropSentence(at, refusal))
  return [{ channel: undefined, offset: undefined, sentences }]
}

function notesOf({ found, scannedMessages, isComplete }: SearchResult): string[] {
  if (isComplete) return []
  const searched = `The search covered the newest ${scannedMessages} stored messages`
  return found.length > 0
    ? [`${searched}; older ones with the same id are not shown.`]
    : [`${searched}, which is its limit; an older one would not be found.`]
}
