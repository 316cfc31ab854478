/**
 * The contract between sources and the rest of the connector.
 *
 * A source turns incoming bytes into calls of `Intake.accept`, and acknowledges messages to their
 * senders once the intake has committed them. It knows nothing of channels.
 */
import type { Refusal, ReplyTo } from '../message.ts'

/**
 * What a topic means to the connector. It is opaque to sources, never changes and may be cached.
 */
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
 * One commit cycle covers all channels; messages accepted while it is being written belong to the
 * next one. For each connection a source keeps the pending acknowledgements of every cycle, and
 * sends them when that cycle is reported. Cycles are reported in ascending order.
 */
export interface Intake {
  /**
   * What `topic` means, or undefined if the connector takes no messages from it. Costs a map
   * lookup, and more for a new topic. The answer never changes, so keep it.
   */
  route(topic: string): Route | undefined

  /**
   * Takes one message, whose payload is `bytes[start, end)`; the bytes are copied before the call
   * returns. Never throws.
   *
   * Set `mayWithhold` if the sender keeps the message until it is acknowledged, and the protocol
   * has no negative acknowledgement.
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
   * Refuses a message that its source could not offer: it is counted and reported, and its sender
   * gets a receipt, with the id if `bytes[start, end)` still has it. Never throws.
   * @param route undefined if its topic is not known
   */
  refuse(
    route: Route | undefined,
    topic: string,
    bytes: Buffer,
    start: number,
    end: number,
    refusal: Refusal,
  ): void

  /**
   * The messages that wait for a commit have reached the memory limit. A source then reads no
   * further messages until this is false in `CommitListener.committed`, but still answers
   * keep-alives.
   */
  readonly isSaturated: boolean

  /**
   * The open cycle has messages and stays open for some milliseconds. Until
   * `CommitListener.closing` a source may leave sockets unread, so that one wake-up serves all of
   * them.
   */
  readonly isCollecting: boolean

  /** Reports commits from now on, without the cycles before. */
  listen(listener: CommitListener): void
}

/** Takes messages that name their channel themselves, and stores them as they are. */
export interface ChannelIntake extends Intake {
  /**
   * Takes one message for `channel`, whose name is valid, with the sender's id, if it fits. The
   * payload is `bytes[start, end)`, at most 128 KB; it is copied before the call returns. Never
   * throws.
   *
   * Its sender keeps it until it knows what became of it, so a message is withheld as well if a
   * limit has no room for it now.
   */
  acceptFor(
    channel: string,
    topic: string,
    id: string,
    bytes: Buffer,
    start: number,
    end: number,
  ): Outcome
}

export interface CommitListener {
  /**
   * The open cycle is about to close. Read what was left unread: messages read in this turn of the
   * event loop still belong to the cycle. Returns whether there is anything to read.
   */
  closing?(): boolean
  /** All messages of this cycle and of earlier ones are durable: acknowledge them now. */
  committed(cycle: number): void
  /**
   * This cycle could not be stored; receipts say which messages are lost. Acknowledge all of its
   * messages with a failure code if the protocol has one. If it has none, acknowledge none and end
   * the connection, so that the sender sends them again. A stored message may then be sent twice,
   * but no sender takes a lost message for a safe one.
   */
  failed(cycle: number, refusal: Refusal): void
}

/**
 * Records that a source keeps for its next start, in order, committed in the intake's cycles. A
 * record and a message that are taken in one turn of the event loop are durable together or not at
 * all.
 */
export interface SourceLog {
  /** The offset of the next record. */
  readonly end: number
  /** Records below this offset are durable. */
  readonly durableEnd: number
  /** Bytes of the records that are kept. */
  readonly bytes: number
  /** The bytes it always has room for, however much the channels hold. */
  readonly reservedBytes: number
  /** False while storage can't be written. */
  readonly isWritable: boolean
  listen(listener: SourceLogListener): void
  /**
   * All records that are kept, with `undefined` where records are lost. Read them once, before
   * `append`.
   * @throws {ConnectorError} StorageFailed if they can't be read now.
   */
  read(): AsyncIterable<Buffer | undefined>
  /** Copies the record. Returns its commit cycle; undefined if it can't be stored now. */
  append(record: Buffer): number | undefined
  /** Releases the durable records below `offset`; the remaining ones take `bytes`. */
  release(offset: number, bytes: number): void
  /** Resolves when every record taken is durable or can't be stored. */
  flush(): Promise<void>
}

export interface SourceLogListener {
  /** All records below `durableEnd` are durable. */
  committed(): void
  /** Some records were not stored and are no longer in the log. */
  discarded(): void
}

/**
 * Several payloads for one topic, back to back, so that a source can frame them in one pass. They
 * are valid only until the call they are passed to returns; copy them to keep them longer.
 */
export interface PackedPayloads {
  readonly count: number
  readonly bytes: Buffer
  /** `ends[i]` is where payload i ends in `bytes`; it begins where the previous one ended. */
  readonly ends: Uint32Array
}

/** Sends receipts. No call waits for an answer, and a slow listener never delays the others. */
export interface ReceiptOutlet {
  /** Whether anyone would get a receipt on `topic` now. If not, do not build one. */
  hasListeners(topic: string): boolean
  publish(topic: string, payloads: PackedPayloads): void
  /** Sends one receipt to the response topic that a sender asked for. */
  reply(to: ReplyTo, payload: Buffer): void
}

/** The connection of a source to somebody else's broker. */
export interface ConnectionState {
  /** Connected and every filter subscribed. */
  readonly isReady: boolean
  /** When `isReady` changed last; milliseconds since 1970. */
  readonly since: number
  /** What is wrong. Something may be wrong while messages do come in. */
  readonly problem: string | undefined
}

/** A client of a source that is a server. Names and topics are as the client sent them. */
export interface ConnectedClient {
  readonly clientId: string
  readonly userName: string | undefined
  readonly address: string
  /** `mqtt`, `mqtts`, `ws` or `wss`. */
  readonly transport: string
  /** For people: `MQTT 5`. */
  readonly protocol: string
  /** Milliseconds since 1970. */
  readonly since: number
  /** Messages since then. */
  readonly received: number
  readonly lastTopic: string | undefined
  /** Milliseconds since 1970; undefined before the first message. */
  readonly lastMessageAt: number | undefined
  readonly subscriptions: number
}

export interface ConnectedClients extends Iterable<ConnectedClient> {
  readonly count: number
}

/**
 * `start` acquires ports or connections. It resolves when messages can come in; a source that
 * connects to another server resolves when its first attempt has begun. `stopIntake` takes no more
 * messages but keeps connections, so that acknowledgements and receipts still go out. `close` ends
 * everything. Each may be called twice.
 */
export interface Source {
  readonly name: string
  /** One line for people: where it listens, or what it is connected to. Valid after `start`. */
  readonly description: string
  readonly outlet: ReceiptOutlet
  /** For health reports; only a source that connects to a broker has one. */
  readonly connectionState?: ConnectionState
  /** Messages that came since `start`; absent if the source does not count them itself. */
  readonly received?: number
  /** Only a source that is a server has them. */
  readonly clients?: ConnectedClients
  start(intake: Intake): Promise<void>
  stopIntake(): Promise<void>
  close(): Promise<void>
  /** Reads files such as certificates and users again, and reports the result. Never rejects. */
  reload?(): Promise<void>
}
