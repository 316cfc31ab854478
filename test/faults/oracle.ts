/**
 * Knows which messages were sent, acknowledged, refused by name and delivered, all seen from
 * outside the connector, and reports what violates its promises.
 *
 * Everything is recorded with a position in time that a power cut can be compared with: the length
 * of the disk's journal at that moment (`disk-journal.ts`), or 0 if there is no journal.
 */
import { isNotNow } from '../../src/errors.ts'
import { type EndpointAnswer, STALL_MS } from './endpoint-answer.ts'
import type { Figures } from './figures.ts'
import { type MessageName, nameOf, nameOfId } from './numbered-message.ts'

/** Positions are written down once a second; the rest is for a busy machine. */
const REPEAT_WINDOW_MS = 1_000 + STALL_MS
/** How long the connector waits for an answer, unless a campaign says otherwise. */
export const ANSWER_TIMEOUT_MS = 1_000

interface Delivery {
  readonly life: number
  readonly atMs: number
  readonly position: number
  readonly messageId: string
  readonly answer: EndpointAnswer
}

/** A message came again although the endpoint had answered that it accepted it. */
interface Repeat {
  readonly what: string
  readonly answer: EndpointAnswer
  readonly afterMs: number
}

interface Story {
  /** Undefined until it is acknowledged. */
  acknowledgedAt: number | undefined
  /** The error in its receipt. */
  refusedAs: string | undefined
  readonly deliveries: Delivery[]
}

export interface Loss {
  readonly name: MessageName
  readonly channel: string
}

export interface OracleOptions {
  /** Each publisher's channel. */
  readonly channels: ReadonlyMap<string, string>
  /** Channels whose endpoint accepts batches only in part, which changes the order. */
  readonly unordered: ReadonlySet<string>
  readonly position: () => number
  /** How long the connector waits for an answer. */
  readonly answerTimeoutMs?: number
}

export class Oracle {
  readonly #options: OracleOptions
  readonly #stories = new Map<string, Map<number, Story>>()
  readonly #idOwners = new Map<string, string>()
  readonly #latestFirst = new Map<string, number>()
  readonly #endsOfLives = new Map<number, number>()
  readonly #violations = new Set<string>()
  readonly #repeats: Repeat[] = []
  #altered = 0
  #duplicates = 0
  #longestRepeatMs = 0
  life = 0
  /** The readers' positions were lost or could not be written: any delivery may be repeated. */
  mayRepeatAll = false

  constructor(options: OracleOptions) {
    this.#options = options
  }

  /** The process ended without being asked to. */
  lifeEnded(): void {
    this.#endsOfLives.set(this.life, performance.now())
    this.life += 1
  }

  acknowledged(name: MessageName): void {
    const story = this.#storyOf(name)
    story.acknowledgedAt ??= this.#options.position()
    this.#checkHonesty(name, story)
  }

  /** A receipt said that the message was not accepted. */
  refused(id: string, error: string): void {
    const name = nameOfId(id)
    if (name === undefined) return
    const story = this.#storyOf(name)
    story.refusedAs = error
    this.#checkHonesty(name, story)
  }

  delivered(channel: string, messageId: string, payload: Buffer, answer: EndpointAnswer): void {
    const name = nameOf(payload)
    if (name === undefined || this.#options.channels.get(name.publisher) !== channel) {
      this.#altered += 1
      this.#violate(`altered on ${channel}: ${messageId} ${payload.toString('latin1', 0, 60)}`)
      return
    }
    const story = this.#storyOf(name)
    const before = story.deliveries.at(-1)
    const position = this.#options.position()
    story.deliveries.push({
      life: this.life,
      atMs: performance.now(),
      position,
      messageId,
      answer,
    })
    this.#checkOwner(channel, messageId, name)
    if (before === undefined) this.#checkOrder(channel, name)
    else this.#checkRepeat(name, before, messageId)
  }

  /** Every record of how far the logs went is lost: ids may be given a second time. */
  idsMayComeAgain(): void {
    this.#idOwners.clear()
  }

  /** The ledger or the health reported something impossible. */
  violated(what: string): void {
    this.#violate(what)
  }

  /** Of those that are found at once. */
  get hasViolations(): boolean {
    return this.#violations.size > 0
  }

  /** The messages that were acknowledged and neither delivered nor refused by name. */
  missing(): Loss[] {
    const missing: Loss[] = []
    for (const [publisher, number, story] of this.#all()) {
      if (story.acknowledgedAt === undefined || story.deliveries.length > 0) continue
      if (story.refusedAs !== undefined) continue
      const channel = this.#options.channels.get(publisher) ?? ''
      missing.push({ name: { publisher, number }, channel })
    }
    return missing
  }

  /** Different messages of the channel that were delivered. */
  deliveredOn(channel: string): number {
    let count = 0
    for (const [publisher, , story] of this.#all()) {
      if (story.deliveries.length === 0) continue
      if (this.#options.channels.get(publisher) === channel) count += 1
    }
    return count
  }

  /** What was known at a position: the state that a power cut there leaves. */
  at(position: number): Oracle {
    const past = new Oracle({ ...this.#options, position: () => position })
    for (const [publisher, number, story] of this.#all()) {
      const { acknowledgedAt = Number.POSITIVE_INFINITY, refusedAs } = story
      const deliveries = story.deliveries.filter((delivery) => delivery.position <= position)
      const copy = past.#storyOf({ publisher, number })
      copy.deliveries.push(...deliveries.map((delivery) => ({ ...delivery, life: -1 })))
      copy.refusedAs = refusedAs
      if (acknowledgedAt <= position) copy.acknowledgedAt = acknowledgedAt
      for (const { messageId } of deliveries) {
        const channel = this.#options.channels.get(publisher) ?? ''
        past.#idOwners.set(`${channel} ${messageId}`, `${publisher}/${number}`)
      }
      if (deliveries.length > 0) {
        past.#latestFirst.set(publisher, Math.max(number, past.#latestFirst.get(publisher) ?? -1))
      }
    }
    return past
  }

  /**
   * An answer does not count if the connector gave the request up first. Its time begins before the
   * endpoint has the request, and either may be held up, so the connection has to show it.
   */
  #judgeRepeats(): void {
    const { answerTimeoutMs = ANSWER_TIMEOUT_MS } = this.#options
    for (const { what, answer, afterMs } of this.#repeats.splice(0)) {
      if (answer.mayBeUnread(answerTimeoutMs) && afterMs > answerTimeoutMs - STALL_MS) continue
      this.#violate(`${what} was sent again though it was taken, ${Math.round(afterMs)} ms later`)
    }
  }

  /** For use when all connections to the endpoint are closed. */
  tally(figures: Figures): void {
    this.#judgeRepeats()
    for (const [, , story] of this.#all()) {
      if (story.acknowledgedAt !== undefined) figures.acknowledged += 1
      if (story.deliveries.length > 0) figures.delivered += 1
      else if (story.acknowledgedAt !== undefined && story.refusedAs !== undefined) {
        figures.refusedByReceipt += 1
      }
    }
    figures.altered += this.#altered
    figures.duplicates += this.#duplicates
    figures.longestRepeatMs = Math.max(figures.longestRepeatMs, this.#longestRepeatMs)
    figures.violations.push(...this.#violations)
  }

  /** No message id may ever stand for two messages. */
  #checkOwner(channel: string, messageId: string, name: MessageName): void {
    const owner = `${name.publisher}/${name.number}`
    const before = this.#idOwners.get(`${channel} ${messageId}`)
    this.#idOwners.set(`${channel} ${messageId}`, owner)
    if (before !== undefined && before !== owner) {
      this.#violate(`${messageId} on ${channel} stood for ${before} and for ${owner}`)
    }
  }

  #checkOrder(channel: string, { publisher, number }: MessageName): void {
    if (this.#options.unordered.has(channel)) return
    const latest = this.#latestFirst.get(publisher) ?? -1
    if (number < latest) this.#violate(`${publisher}/${number} came after ${latest}`)
    this.#latestFirst.set(publisher, Math.max(number, latest))
  }

  #checkRepeat({ publisher, number }: MessageName, before: Delivery, messageId: string): void {
    this.#duplicates += 1
    const what = `${publisher}/${number}`
    if (messageId !== before.messageId) {
      this.#violate(`${what} came as ${before.messageId} and as ${messageId}`)
    }
    if (this.mayRepeatAll || before.answer.isLost) return
    if (before.life === this.life) {
      const { answer, atMs } = before
      this.#repeats.push({ what, answer, afterMs: performance.now() - atMs })
    } else if (before.life >= 0) {
      const unsettledMs = (this.#endsOfLives.get(before.life) ?? before.atMs) - before.atMs
      this.#longestRepeatMs = Math.max(this.#longestRepeatMs, unsettledMs)
      if (unsettledMs > REPEAT_WINDOW_MS) {
        this.#violate(`${what} was sent again, delivered ${Math.round(unsettledMs)} ms before`)
      }
    }
  }

  #violate(what: string): void {
    if (this.#violations.size < 20) this.#violations.add(what)
  }

  /** Each message is sent once: a message that could not be stored then is not acknowledged. */
  #checkHonesty({ publisher, number }: MessageName, { acknowledgedAt, refusedAs }: Story): void {
    if (acknowledgedAt === undefined || refusedAs === undefined || !isNotNow(refusedAs)) return
    this.#violate(`acknowledged and not stored (${refusedAs}): ${publisher} ${number}`)
  }

  #storyOf({ publisher, number }: MessageName): Story {
    let stories = this.#stories.get(publisher)
    if (stories === undefined) {
      stories = new Map()
      this.#stories.set(publisher, stories)
    }
    let story = stories.get(number)
    if (story === undefined) {
      story = { acknowledgedAt: undefined, refusedAs: undefined, deliveries: [] }
      stories.set(number, story)
    }
    return story
  }

  *#all(): Generator<readonly [string, number, Story]> {
    for (const [publisher, stories] of this.#stories) {
      for (const [number, story] of stories) yield [publisher, number, story]
    }
  }
}
