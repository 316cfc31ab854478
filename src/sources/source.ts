/**
 * The contract between where messages come from and what becomes of them.
 *
 * A source turns bytes from somewhere into calls of `Intake.accept` and acknowledges to its
 * senders what the intake has committed. It knows nothing of channels.
 */
import type { Refusal, ReplyTo } from '../message.ts'

/** What a topic means to the connector. Opaque to sources, never changes, may be cached. */
export interface Route {
  readonly kind: 'formatted' | 'binary' | 'refused'
}

/** The cycle of a message that waits for no commit. */
export const NO_CYCLE = -1

/**
 * What became of an offered message: the number of the commit cycle that makes it durable, or why
 * it was not accepted. Nothing is allocated for a message that was accepted.
 */
export type Outcome = number | NotAccepted

export interface NotAccepted {
  readonly refusal: Refusal
  /**
   * False: the message is counted as refused and the sender's receipt is on its way. Acknowledge the
   * message, with the fitting reason code if the protocol has one.
   *
   * True, only if `mayWithhold` was set: the message can't be stored now. It is as if it had never
   * been offered: not counted, and without a receipt. Do not acknowledge it. Offer it again later,
   * or let its sender send it again.
   */
  readonly isWithheld: boolean
}

/**
 * Takes messages in.
 *
 * Commits go in cycles over all channels: whatever is accepted while one cycle is being written
 * belongs to the next. A source keeps, per connection, the acknowledgements that wait for each cycle
 * and sends them when that cycle is reported. Cycles are reported in ascending order.
 */
export interface Intake {
  /**
   * What `topic` means, or undefined when the connector takes no messages from it. Costs a map
   * look-up and more for a topic not seen before: keep the answer for as long as you like.
   */
  route(topic: string): Route | undefined

  /**
   * Takes one message, whose payload is `bytes[start, end)`; the bytes are copied before the call
   * returns. Never throws.
   *
   * Set `mayWithhold` for a message that its sender keeps until it is acknowledged, where the
   * protocol has no acknowledgement that says no.
   */
  accept(
    route: Route,
    topic: string,
    bytes: Buffer,
    start: number,
    end: number,
    reply: ReplyTo | undefined,
    mayWithhold: boolean,
  ): Outcome

  /**
   * More waits to be written than may be held in memory. A source then reads no further messages
   * until `CommitListener.committed` finds this false; it goes on answering keep-alives.
   */
  readonly isSaturated: boolean

  /**
   * The open cycle holds something and stays open for some milliseconds more. A source may leave
   * unread what comes meanwhile, until `CommitListener.closing`: one wake-up then serves for all.
   */
  readonly isCollecting: boolean

  /** Reports commits from now on. The listener is not told of cycles before. */
  listen(listener: CommitListener): void
}

export interface CommitListener {
  /**
   * The open cycle is about to close. What was left unread while it gathered is to be read now: it
   * has this turn of the event loop to get into the cycle. Returns whether there is any.
   */
  closing?(): boolean
  /** All messages of this cycle and those before are durable: acknowledge them now. */
  committed(cycle: number): void
  /**
   * This cycle could not be stored; receipts say which messages are lost. All of it is acknowledged
   * with a reason code where the protocol has one, and not at all where it has none: then the
   * connection ends, so that the sender sends it again. Nobody thinks a lost message is safe.
   */
  failed(cycle: number, refusal: Refusal): void
}

/**
 * What a source keeps for its next start: records in their order, committed in the intake's cycles. A
 * record and a message taken in one turn of the event loop are durable together, or neither is.
 */
export interface SourceLog {
  /** Where the next record goes. */
  readonly end: number
  /** Records below are durable. */
  readonly durableEnd: number
  /** Of the records that are kept. */
  readonly bytes: number
  /** So many bytes it has room for, whatever the channels hold. */
  readonly reservedBytes: number
  listen(listener: SourceLogListener): void
  /**
   * All records that are kept; `undefined` where some are lost. To be read once, before `append`.
   * @throws {ConnectorError} StorageFailed when they can't be read now.
   */
  read(): AsyncIterable<Buffer | undefined>
  /** Takes a copy. Returns the record's commit cycle; undefined if it can't be stored now. */
  append(record: Buffer): number | undefined
  /** Nobody needs durable records below `offset`; the others have `bytes`. */
  release(offset: number, bytes: number): void
  /** Resolves when all that was taken is durable, or can't be. */
  flush(): Promise<void>
}

export interface SourceLogListener {
  /** All records below `durableEnd` are durable. */
  committed(): void
  /** Records were not stored and are not in the log any more. */
  discarded(): void
}

/**
 * Several payloads for one topic, back to back, so that a source can frame them in one pass. Valid
 * only until the call they are given to returns: whoever needs them longer copies them.
 */
export interface PackedPayloads {
  readonly count: number
  readonly bytes: Buffer
  /** `ends[i]` is where payload i ends in `bytes`; it begins where the one before ended. */
  readonly ends: Uint32Array
}

/** Where receipts go out. Every call is fire and forget; a slow listener never delays the others. */
export interface ReceiptOutlet {
  /** Whether anybody would get a receipt on `topic` now. When nobody would, none is built. */
  hasListeners(topic: string): boolean
  publish(topic: string, payloads: PackedPayloads): void
  /** One receipt to the response topic a sender asked for. */
  reply(to: ReplyTo, payload: Buffer): void
}

/**
 * `start` acquires (ports, connections) and resolves when messages can come in, or, for a source
 * that connects to somebody else, when it has begun to try. `stopIntake` lets no more messages in
 * but keeps connections, so that acknowledgements and receipts still go out. `close` ends
 * everything. Each may be called twice.
 */
export interface Source {
  readonly name: string
  /** A line for people: where it listens or what it is connected to. Valid after `start`. */
  readonly description: string
  readonly outlet: ReceiptOutlet
  start(intake: Intake): Promise<void>
  stopIntake(): Promise<void>
  close(): Promise<void>
  /** Reads files such as certificates and users again and reports how it went. Never rejects. */
  reload?(): Promise<void>
}
