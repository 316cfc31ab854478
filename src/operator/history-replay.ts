/**
 * Sends stored messages of a channel again: it reads them in pieces and appends each to the same
 * channel, as a new message with the message id of the old one, for all destinations. A call keeps
 * nothing between two pieces but its place, so a crash costs the caller's answer and no message:
 * what was committed is delivered, and the caller continues behind the last answer.
 */
import type { Channel } from '../channels/channel.ts'
import type { ChannelSet } from '../channels/channel-set.ts'
import type { Clock } from '../clock.ts'
import type {
  HistoryReplayReport,
  HistoryReplayRequest,
  HistoryReplayView,
} from '../http/views/history-replay-view.ts'
import type { ReadFrom } from '../http/views/read-from.ts'
import type { Message, Refusal } from '../message.ts'
import { SerialQueue } from '../serial-queue.ts'
import { CommitWatch } from './commit-watch.ts'

export interface HistoryReplayOptions {
  readonly channels: ChannelSet
  readonly clock: Clock
  /** `IotAnalyticsQueueSizePerChannel`. */
  readonly maxBacklogMessages: number
}

const CHUNK_MESSAGES = 200
const CHUNK_BYTES = 1024 * 1024
/** No more is read from the history while this many messages wait for a destination. */
const MAX_WAITING = 1_000

export class HistoryReplay implements HistoryReplayView {
  readonly #channels: ChannelSet
  readonly #clock: Clock
  readonly #maxWaiting: number
  readonly #chunkMessages: number
  readonly #commits = new CommitWatch()
  readonly #replays = new SerialQueue()

  constructor({ channels, clock, maxBacklogMessages }: HistoryReplayOptions) {
    this.#channels = channels
    this.#clock = clock
    // At most three quarters of a queue, so that no drop behaviour gives up a message for a replay.
    this.#maxWaiting = Math.max(1, Math.min(MAX_WAITING, Math.floor(maxBacklogMessages / 2)))
    this.#chunkMessages = Math.max(1, Math.min(CHUNK_MESSAGES, Math.floor(maxBacklogMessages / 4)))
  }

  /** Listens to commits; to be called once, before the first replay. */
  start(): void {
    this.#commits.start(this.#channels.commits)
  }

  replayHistory(request: HistoryReplayRequest): Promise<HistoryReplayReport | undefined> {
    const channel = this.#channels.get(request.channel)
    if (channel === undefined) return Promise.resolve(undefined)
    return this.#replays.run(() => this.#commits.during(() => this.#replay(channel, request)))
  }

  async #replay(
    channel: Channel,
    { from, to: until, limit, isDryRun }: HistoryReplayRequest,
  ): Promise<HistoryReplayReport> {
    const { log, cursors } = channel
    // A message that still waits for every destination is delivered in any case.
    const settled = Math.max(0, ...cursors.map(({ position }) => position.position))
    const to = until === undefined ? settled : Math.min(settled, await offsetOf(log, until))
    const round = new Round(await offsetOf(log, from))
    while (round.next < to && round.matched < limit && round.stopped === undefined) {
      if (!isDryRun && channel.backlog >= this.#maxWaiting) break
      const count = Math.min(this.#chunkMessages, limit - round.matched)
      const messages = await log.read(round.next, count, CHUNK_BYTES)
      const wanted = messages.filter(({ offset }) => offset < to)
      if (wanted.length === 0) round.next = to
      else if (isDryRun) round.pass(wanted)
      else await this.#offerAll(channel.name, wanted, round)
    }
    const { matched, replayed, duplicates, firstReceivedAt, stopped, next } = round
    const counts = { matched, replayed, duplicates, firstReceivedAt, stopped }
    return { ...counts, waiting: channel.backlog, next: next < to ? next : undefined, to }
  }

  /** Appends the messages up to the first that is refused, and waits for their commits. */
  async #offerAll(channel: string, messages: readonly Message[], round: Round): Promise<void> {
    const offered: { readonly message: Message; readonly cycle: number }[] = []
    const refused = messages.findIndex((message) => {
      const outcome = this.#channels.offer(channel, this.#draftOf(message), true)
      if (typeof outcome === 'number') offered.push({ message, cycle: outcome })
      else if (outcome.error === 'DuplicateMessageId') round.duplicates += 1
      else round.stopped = outcome
      return round.stopped !== undefined
    })
    await this.#commits.reported(Math.max(0, ...offered.map(({ cycle }) => cycle)))
    const failed = offered.find(({ cycle }) => this.#commits.failureOf(cycle) !== undefined)
    if (failed !== undefined) round.stopped = this.#commits.failureOf(failed.cycle)
    this.#commits.forgetFailures()
    const end = failed?.message.offset ?? messages[refused]?.offset ?? Number.POSITIVE_INFINITY
    round.replayed += offered.filter(({ message }) => message.offset < end).length
    round.pass(messages.filter(({ offset }) => offset < end))
  }

  #draftOf({ topic, messageId, payload }: Message) {
    return {
      receivedAt: this.#clock.now(),
      topic,
      id: messageId,
      text: undefined,
      bytes: payload,
      start: 0,
      end: payload.length,
      reply: undefined,
    }
  }
}

/** The progress of one call. */
class Round {
  next: number
  matched = 0
  replayed = 0
  duplicates = 0
  firstReceivedAt: number | undefined
  stopped: Refusal | undefined

  constructor(next: number) {
    this.next = next
  }

  /** These are done. */
  pass(messages: readonly Message[]): void {
    this.matched += messages.length
    this.firstReceivedAt ??= messages[0]?.receivedAt
    this.next = (messages.at(-1)?.offset ?? this.next - 1) + 1
  }
}

/** Where reading begins, at or after the oldest message that is stored. */
export async function offsetOf(log: Channel['log'], from: ReadFrom): Promise<number> {
  if (from === 'earliest') return log.start
  if (from === 'now') return log.committed
  return 'offset' in from ? Math.max(from.offset, log.start) : log.offsetAt(from.timeMs)
}
