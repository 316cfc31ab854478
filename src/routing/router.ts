/**
 * Decides what a topic means, turns arriving messages into drafts, and offers them to their
 * channels. A message that can't be taken is refused here: it is counted and reported, and its
 * sender gets a receipt.
 */
import { isChannelName } from '../channel-name.ts'
import type { ChannelSet } from '../channels/channel-set.ts'
import type { DeadLetters } from '../channels/dead-letters/dead-letters.ts'
import type { Clock } from '../clock.ts'
import { type ErrorCode, isNotNow, isRoomLimit } from '../errors.ts'
import {
  type Draft,
  MAX_PAYLOAD_BYTES,
  MAX_TOPIC_BYTES,
  type ReceiptSink,
  type Refusal,
  type ReplyTo,
} from '../message.ts'
import { quoted, shown } from '../shown-text.ts'
import type {
  ChannelIntake,
  CommitListener,
  NotAccepted,
  Outcome,
  Route,
} from '../sources/source.ts'
import { STATUS_TOPIC, TopicFilter } from '../topics.ts'
import { type Envelope, readEnvelope } from './envelope.ts'
import { parsePredefinedTopic } from './input-topics.ts'
import { PlainEnvelope } from './plain-envelope.ts'

export interface RouterOptions {
  readonly channels: ChannelSet
  readonly receipts: ReceiptSink
  readonly clock: Clock
  /** Customer-defined topics: filters whose messages go to the default channel, as binary. */
  readonly inputs: readonly string[]
  /** Set if `inputs` is not empty; the configuration checks that. */
  readonly defaultChannel: string | undefined
  /** `base64`: binary payloads are stored as base64 text, for pipelines that expect to decode. */
  readonly binaryEncoding: 'raw' | 'base64'
  /** Keeps the messages that are refused here. Default: they are not kept. */
  readonly deadLetters?: DeadLetters | undefined
}

/** Limits the memory of routes if a device uses a new topic for each message. */
const MAX_CACHED_ROUTES = 4096
/** The id of a message that is too large is read up to this size. */
const MAX_READ_FOR_ID_BYTES = 2 * MAX_PAYLOAD_BYTES
const EMPTY = Buffer.alloc(0)

class ChannelRoute implements Route {
  readonly kind: Route['kind']
  readonly channel: string
  readonly isFormatted: boolean
  /** Why all messages on this topic are refused; set if `kind` is `refused`. */
  readonly refusal: Refusal | undefined

  constructor(format: 'formatted' | 'binary', channel: string, refusal?: Refusal) {
    this.kind = refusal === undefined ? format : 'refused'
    this.channel = channel
    this.isFormatted = format === 'formatted'
    this.refusal = refusal
  }
}

const UNKNOWN_ROUTE = new ChannelRoute('binary', '')

export class Router implements ChannelIntake {
  readonly #options: RouterOptions
  readonly #channels: ChannelSet
  readonly #filters: readonly TopicFilter[]
  readonly #routes = new Map<string, ChannelRoute | undefined>()
  readonly #plain = new PlainEnvelope()
  readonly #envelope: Envelope = { fault: undefined, message: '', id: undefined }
  /** The one draft, filled again for each message; see `Draft`. */
  readonly #draft: Draft = {
    receivedAt: 0,
    topic: '',
    id: undefined,
    text: undefined,
    bytes: EMPTY,
    start: 0,
    end: 0,
    reply: undefined,
  }

  constructor(options: RouterOptions) {
    this.#options = options
    this.#channels = options.channels
    this.#filters = options.inputs.map((filter) => new TopicFilter(filter))
  }

  get isSaturated(): boolean {
    return this.#channels.commits.isSaturated
  }

  get isCollecting(): boolean {
    return this.#channels.commits.isCollecting
  }

  listen(listener: CommitListener): void {
    this.#channels.commits.listen(listener)
  }

  route(topic: string): Route | undefined {
    const known = this.#routes.get(topic)
    if (known !== undefined || this.#routes.has(topic)) return known
    const route = this.#resolve(topic)
    // Such a topic is refused each time; nothing of it is kept.
    if (topic.length > MAX_TOPIC_BYTES) return route
    if (this.#routes.size >= MAX_CACHED_ROUTES) this.#routes.clear()
    this.#routes.set(topic, route)
    return route
  }

  accept(
    route: Route,
    topic: string,
    bytes: Buffer,
    start: number,
    end: number,
    reply: ReplyTo | undefined,
    mayWithhold: boolean,
  ): Outcome {
    if (!(route instanceof ChannelRoute)) throw new TypeError('a route of another intake')
    const why = this.#fill(route, topic, bytes, start, end)
    if (why !== undefined) {
      this.#keep(route.channel, bytes.subarray(start, end), why)
      return this.#turnAway(route, reply, why)
    }
    const draft = this.#draft
    if (reply !== undefined) {
      const unusable = faultOfReply(reply)
      if (unusable !== undefined) return this.#turnAway(route, undefined, unusable)
    }
    draft.reply = reply
    const outcome = this.#channels.offer(route.channel, draft, mayWithhold)
    if (typeof outcome === 'number') {
      if (reply !== undefined) this.#options.receipts.expectReply()
      return outcome
    }
    if (mayWithhold && isNotNow(outcome.error)) return { refusal: outcome, isWithheld: true }
    return this.#report(draft.id, reply, outcome)
  }

  acceptFor(
    channel: string,
    topic: string,
    id: string,
    bytes: Buffer,
    start: number,
    end: number,
  ): Outcome {
    const draft = this.#draft
    draft.receivedAt = this.#options.clock.now()
    draft.topic = topic
    draft.id = id
    draft.text = undefined
    draft.bytes = bytes
    draft.start = start
    draft.end = end
    draft.reply = undefined
    const outcome = this.#channels.offer(channel, draft, 'limits')
    if (typeof outcome === 'number') return outcome
    const isWithheld = isNotNow(outcome.error) || isRoomLimit(outcome.error)
    return { refusal: outcome, isWithheld }
  }

  refuse(
    route: Route | undefined,
    topic: string,
    bytes: Buffer,
    start: number,
    end: number,
    refusal: Refusal,
  ): void {
    const known = route instanceof ChannelRoute ? route : UNKNOWN_ROUTE
    this.#draft.topic = topic
    this.#draft.id = known.isFormatted ? this.#idIn(bytes, start, end) : undefined
    this.#turnAway(known, undefined, refusal)
  }

  /**
   * Takes a dead letter again. Unlike `accept`, it neither keeps it again nor gives its sender
   * another receipt if it is refused again. Returns the commit cycle, or why it was refused.
   */
  acceptAgain(topic: string, bytes: Buffer): number | Refusal {
    const route = this.route(topic)
    if (!(route instanceof ChannelRoute)) {
      return refusal('InvalidTopic', `topic ${shown(topic)} does not belong to any channel`)
    }
    const why = this.#fill(route, topic, bytes, 0, bytes.length)
    this.#draft.reply = undefined
    return why ?? this.#channels.offer(route.channel, this.#draft)
  }

  /**
   * Fills the draft. The id is set even if the message is refused, because the receipt carries it.
   */
  #fill(
    route: ChannelRoute,
    topic: string,
    bytes: Buffer,
    start: number,
    end: number,
  ): Refusal | undefined {
    const draft = this.#draft
    draft.receivedAt = this.#options.clock.now()
    draft.topic = topic
    draft.id = undefined
    if (route.refusal !== undefined || end - start > MAX_PAYLOAD_BYTES) {
      if (route.isFormatted) draft.id = this.#idIn(bytes, start, end)
      return route.refusal ?? tooLarge(topic, end - start)
    }
    return route.isFormatted
      ? this.#fillFormatted(topic, bytes, start, end)
      : this.#fillBinary(topic, bytes, start, end)
  }

  #fillFormatted(topic: string, bytes: Buffer, start: number, end: number): Refusal | undefined {
    const draft = this.#draft
    const plain = this.#plain
    // An id is never undefined here: '' means that the connector generates one (`receiptIdOf`).
    if (plain.read(bytes, start, end)) {
      draft.id = plain.id ?? ''
      draft.text = undefined
      draft.bytes = plain.bytes
      draft.start = plain.start
      draft.end = plain.end
      return undefined
    }
    const envelope = this.#envelope
    readEnvelope(bytes, start, end, envelope)
    draft.id = envelope.id ?? ''
    draft.text = envelope.message
    if (envelope.fault === undefined) return undefined
    return refusal('InvalidMessage', `${envelope.fault} (topic ${topic})`)
  }

  #fillBinary(topic: string, bytes: Buffer, start: number, end: number): Refusal | undefined {
    const draft = this.#draft
    draft.text = undefined
    draft.bytes = bytes
    draft.start = start
    draft.end = end
    if (this.#options.binaryEncoding === 'raw') return undefined
    draft.text = bytes.toString('base64', start, end)
    if (draft.text.length <= MAX_PAYLOAD_BYTES) return undefined
    return tooLarge(`${topic}, as base64 text (BinaryPayloadEncoding)`, draft.text.length)
  }

  /** The id of a message that is refused unread, for its receipt. */
  #idIn(bytes: Buffer, start: number, end: number): string | undefined {
    if (end - start > MAX_READ_FOR_ID_BYTES) return undefined
    readEnvelope(bytes, start, end, this.#envelope)
    return this.#envelope.id
  }

  #resolve(topic: string): ChannelRoute | undefined {
    if (topic === STATUS_TOPIC) return undefined
    const predefined = parsePredefinedTopic(topic)
    if (predefined === undefined && !this.#isInput(topic)) return undefined
    const channel = predefined?.channel ?? this.#options.defaultChannel ?? ''
    const format = predefined?.kind ?? 'binary'
    const length = Buffer.byteLength(topic)
    if (length > MAX_TOPIC_BYTES) {
      return new ChannelRoute(
        format,
        isChannelName(channel) ? channel : '',
        tooLong('topic', length),
      )
    }
    if (!isChannelName(channel)) {
      const text = `topic ${shown(topic, MAX_TOPIC_BYTES)} names the channel ${quoted(channel)}; expected 1 to 128 of A-Z a-z 0-9 _, not beginning with two underscores`
      return new ChannelRoute(format, channel, refusal('InvalidChannelName', text))
    }
    return new ChannelRoute(format, channel)
  }

  #isInput(topic: string): boolean {
    return this.#filters.some((filter) => filter.matches(topic))
  }

  /** Refuses a message that was not offered to its channel; a channel counts its own refusals. */
  #turnAway(route: ChannelRoute, reply: ReplyTo | undefined, why: Refusal): NotAccepted {
    this.#channels.refuse(route.channel, why)
    return this.#report(this.#draft.id, reply, why)
  }

  /**
   * A message that exceeds a fixed limit is not kept: no fix of the configuration would help it.
   */
  #keep(channel: string, payload: Buffer, why: Refusal): void {
    const { deadLetters } = this.#options
    const { topic, receivedAt, id } = this.#draft
    if (deadLetters === undefined || payload.length > MAX_PAYLOAD_BYTES) return
    if (why.error === 'InvalidTopic') return
    deadLetters.keep({
      channel,
      destination: undefined,
      refusal: why,
      topic,
      receivedAt,
      senderId: id,
      messageId: undefined,
      payload,
    })
  }

  #report(id: string | undefined, reply: ReplyTo | undefined, why: Refusal): NotAccepted {
    this.#options.receipts.failure(id === '' ? undefined : id, reply, why)
    return { refusal: why, isWithheld: false }
  }
}

function refusal(error: ErrorCode, message: string): Refusal {
  return { error, message }
}

function tooLong(what: string, bytes: number): Refusal {
  const text = `the ${what} has ${bytes} bytes of UTF-8; at most ${MAX_TOPIC_BYTES} are allowed`
  return refusal('InvalidTopic', text)
}

/** A response topic is a topic, and it is kept with the message. */
function faultOfReply({ topic }: ReplyTo): Refusal | undefined {
  const bytes = Buffer.byteLength(topic)
  return bytes > MAX_TOPIC_BYTES ? tooLong('response topic', bytes) : undefined
}

function tooLarge(where: string, bytes: number): Refusal {
  return refusal(
    'MessageTooLarge',
    `the message has ${bytes} bytes; at most ${MAX_PAYLOAD_BYTES} (128 KB) are allowed (topic ${where})`,
  )
}
