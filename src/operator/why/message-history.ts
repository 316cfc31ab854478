/** Gathers what is known of one message: its log, its destinations' trails, dead letters, refusals. */
import type { ChannelSet } from '../../channels/channel-set.ts'
import type { KeptDeadLetter } from '../../channels/dead-letters/dead-letter-record.ts'
import type { Clock } from '../../clock.ts'
import type { DestinationDelivery } from '../../delivery/destination-delivery.ts'
import type { ExplainedMessage, WhyAnswer } from '../../http/views/why-view.ts'
import { timeText } from '../../iso-time.ts'
import { type FoundMessage, findMessages, type SearchResult } from './message-search.ts'
import type { RecentRefusal, RecentRefusals } from './recent-refusals.ts'
import { dropSentence, storedSentences } from './sentences.ts'

export interface MessageHistoryOptions {
  readonly channels: ChannelSet
  readonly deliveries: readonly DestinationDelivery[]
  readonly refusals: RecentRefusals
  readonly clock: Clock
  readonly reports: 'all' | 'failures' | 'none'
}

const LETTERS_AT_ONCE = 500

export class MessageHistory {
  readonly #options: MessageHistoryOptions
  readonly #startedAt: number

  constructor(options: MessageHistoryOptions) {
    this.#options = options
    this.#startedAt = options.clock.now()
  }

  async why(id: string): Promise<WhyAnswer> {
    const { channels, clock, refusals } = this.#options
    const search = await findMessages(channels, id, clock)
    const remembered = refusals.of(id)
    const stored = search.found.map((found) => this.#storyOf(found, remembered))
    const letters = await this.#lettersOf(id)
    const told = stored.length + letters.length === 0 ? refusedStories(remembered) : []
    return {
      id,
      messages: [...stored, ...letters.map(letterStory), ...told],
      notes: notesOf(search),
    }
  }

  #storyOf(
    { channel, message }: FoundMessage,
    remembered: readonly RecentRefusal[],
  ): ExplainedMessage {
    const { deliveries, reports } = this.#options
    const { offset, messageId } = message
    const sentences = storedSentences({
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
    })
    return { channel: channel.name, offset, sentences }
  }

  async #lettersOf(id: string): Promise<KeptDeadLetter[]> {
    const { deadLetters } = this.#options.channels
    const found: KeptDeadLetter[] = []
    let next: number | undefined = deadLetters === undefined ? undefined : 0
    while (deadLetters !== undefined && next !== undefined) {
      const letters: readonly KeptDeadLetter[] = await deadLetters.read(next, LETTERS_AT_ONCE)
      found.push(...letters.filter((one) => one.senderId === id || one.messageId === id))
      const last = letters.at(-1)
      next = last === undefined ? undefined : last.offset + 1
    }
    return found
  }
}

function letterStory(letter: KeptDeadLetter): ExplainedMessage {
  const { channel, destination, refusal, topic, receivedAt, keptAt, offset } = letter
  const by = destination ?? 'routing'
  return {
    channel,
    offset: undefined,
    sentences: [
      `Received ${timeText(receivedAt)} on topic ${topic} for channel ${channel}.`,
      `Refused for good by ${by}: ${refusal.error}: ${refusal.message}`,
      `Kept among the dead letters since ${timeText(keptAt)} (#${offset}); replay sends it again.`,
    ],
  }
}

function refusedStories(refusals: readonly RecentRefusal[]): ExplainedMessage[] {
  if (refusals.length === 0) return []
  const sentences = refusals.map(({ at, refusal }) => dropSentence(at, refusal))
  return [{ channel: undefined, offset: undefined, sentences }]
}

function notesOf({ found, scannedMessages, isComplete }: SearchResult): string[] {
  if (isComplete) return []
  const looked = `The newest ${scannedMessages} stored messages were looked at`
  return found.length > 0
    ? [`${looked}; older ones with the same id would not be told of.`]
    : [`${looked}, which is as far as the search goes; an older one would not be found.`]
}
