/**
 * Reads the dead letters and offers them to their channels again. A message that a destination
 * rejected goes back into its channel, as a new message for all destinations. A message that routing
 * refused goes through routing again. A letter is removed once its message is committed.
 */
import type { ChannelSet } from '../channels/channel-set.ts'
import type { KeptDeadLetter } from '../channels/dead-letters/dead-letter-record.ts'
import type { DeadLetters } from '../channels/dead-letters/dead-letters.ts'
import type { Clock } from '../clock.ts'
import type {
  DeadLetterFilter,
  DeadLetterPage,
  DeadLettersView,
  ReplayReport,
  ReplayRequest,
} from '../http/views/dead-letters-view.ts'
import type { Refusal } from '../message.ts'
import type { Router } from '../routing/router.ts'
import { SerialQueue } from '../serial-queue.ts'
import { CommitWatch } from './commit-watch.ts'

export interface DeadLetterReplayOptions {
  readonly channels: ChannelSet
  readonly router: Router
  readonly clock: Clock
}

interface Pending {
  readonly offset: number
  readonly cycle: number
}

/** The number of letters that are offered before the replay waits for their commit. */
const CHUNK_LETTERS = 200
/** A page ends with the letter that takes its payloads to this. */
const MAX_PAGE_BYTES = 1024 * 1024

export class DeadLetterReplay implements DeadLettersView {
  readonly #options: DeadLetterReplayOptions
  readonly #commits = new CommitWatch()
  readonly #replays = new SerialQueue()

  constructor(options: DeadLetterReplayOptions) {
    this.#options = options
  }

  /** Listens to commits; to be called once, before the first replay. */
  start(): void {
    this.#commits.start(this.#options.channels.commits)
  }

  async readDeadLetters(
    filter: DeadLetterFilter,
    from: number,
    limit: number,
  ): Promise<DeadLetterPage | undefined> {
    const { deadLetters } = this.#options.channels
    if (deadLetters === undefined) return undefined
    const letters: KeptDeadLetter[] = []
    let bytes = 0
    for await (const letter of lettersOf(deadLetters, from, Number.POSITIVE_INFINITY)) {
      if (!matches(letter, filter)) continue
      const isFull = letters.length === limit || bytes >= MAX_PAGE_BYTES
      if (isFull) return { letters, next: letter.offset }
      letters.push(letter)
      bytes += letter.payload.length
    }
    return { letters, next: undefined }
  }

  replayDeadLetters(request: ReplayRequest): Promise<ReplayReport | undefined> {
    const { deadLetters } = this.#options.channels
    if (deadLetters === undefined) return Promise.resolve(undefined)
    return this.#replays.run(() => this.#commits.during(() => this.#replay(deadLetters, request)))
  }

  async #replay(
    deadLetters: DeadLetters,
    { filter, from, limit, isDryRun, to = deadLetters.log.committed }: ReplayRequest,
  ): Promise<ReplayReport> {
    const round = new Round(this.#options)
    let next: number | undefined
    for await (const letter of lettersOf(deadLetters, from, to)) {
      if (!matches(letter, filter)) continue
      if (round.matched === limit) {
        next = letter.offset
        break
      }
      round.matched += 1
      if (isDryRun) continue
      round.offer(letter)
      if (round.pending.length >= CHUNK_LETTERS) await this.#settle(deadLetters, round)
    }
    await this.#settle(deadLetters, round)
    const { matched, replayed, refused } = round
    return { matched, replayed, refused, next, to }
  }

  /** Waits until every offered message is committed, and removes its letter. */
  async #settle(deadLetters: DeadLetters, round: Round): Promise<void> {
    const last = Math.max(0, ...round.pending.map(({ cycle }) => cycle))
    await this.#commits.reported(last)
    const committed: number[] = []
    for (const { offset, cycle } of round.pending.splice(0)) {
      const refusal = this.#commits.failureOf(cycle)
      if (refusal === undefined) committed.push(offset)
      else round.refused.push({ offset, refusal })
    }
    this.#commits.forgetFailures()
    round.replayed += committed.length
    deadLetters.remove(committed)
  }
}

/** The progress of one replay. */
class Round {
  readonly pending: Pending[] = []
  readonly refused: { offset: number; refusal: Refusal }[] = []
  matched = 0
  replayed = 0
  readonly #options: DeadLetterReplayOptions
  /**
   * Channels that refused a message. Further messages are not offered to them: each would count as
   * dropped.
   */
  readonly #full = new Map<string, Refusal>()

  constructor(options: DeadLetterReplayOptions) {
    this.#options = options
  }

  offer(letter: KeptDeadLetter): void {
    const { offset, channel } = letter
    const full = this.#full.get(channel)
    if (full !== undefined) {
      this.refused.push({ offset, refusal: full })
      return
    }
    const outcome =
      letter.destination === undefined ? this.#reroute(letter) : this.#offerToChannel(letter)
    if (typeof outcome === 'number') this.pending.push({ offset, cycle: outcome })
    else this.refused.push({ offset, refusal: outcome })
  }

  #reroute({ topic, payload }: KeptDeadLetter): number | Refusal {
    return this.#options.router.acceptAgain(topic, payload)
  }

  #offerToChannel({ channel, topic, senderId, payload }: KeptDeadLetter): number | Refusal {
    const { channels, clock } = this.#options
    const outcome = channels.offer(channel, {
      receivedAt: clock.now(),
      topic,
      id: senderId,
      text: undefined,
      bytes: payload,
      start: 0,
      end: payload.length,
      reply: undefined,
    })
    if (typeof outcome !== 'number' && outcome.error !== 'DuplicateMessageId') {
      this.#full.set(channel, outcome)
    }
    return outcome
  }
}

async function* lettersOf(
  deadLetters: DeadLetters,
  from: number,
  to: number,
): AsyncGenerator<KeptDeadLetter> {
  let next = from
  while (next < to) {
    const letters = await deadLetters.read(next, CHUNK_LETTERS)
    const last = letters.at(-1)
    if (last === undefined) return
    for (const letter of letters) if (letter.offset < to) yield letter
    next = last.offset + 1
  }
}

function matches(letter: KeptDeadLetter, filter: DeadLetterFilter): boolean {
  const { channel, destination, error, since, until } = filter
  return (
    (channel === undefined || letter.channel === channel) &&
    (destination === undefined || letter.destination === destination) &&
    (error === undefined || letter.refusal.error === error) &&
    (since === undefined || letter.keptAt >= since) &&
    (until === undefined || letter.keptAt < until)
  )
}
