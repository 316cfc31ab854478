/**
 * Takes in the messages of one connection, acknowledges them when they are committed, and holds
 * further packets back when too many wait for a commit.
 *
 * A message that can't be stored is never acknowledged, because the broker would then forget it. If
 * it can't be stored now, it is offered again indefinitely, after growing pauses; meanwhile the
 * broker keeps it and all messages after it. If a commit fails, this connection ends, because only
 * on a new one will the broker send the messages again.
 *
 * MQTT.js by itself handles the next packet only after this one is acknowledged, which would be one
 * message per sync. So it continues at once, and we acknowledge (`broker-link.ts`).
 */
import type { IPublishPacket } from 'mqtt'
import type { Clock, Timer } from '../../clock.ts'
import type { Refusal, ReplyTo } from '../../message.ts'
import type { CommitListener, Intake, NotAccepted } from '../source.ts'
import type { DuplicateFilter } from './duplicate-filter.ts'
import type { MqttClientOptions } from './options.ts'
import { PendingAcknowledgements, PUBACK, PUBREC } from './pending-acknowledgements.ts'
import { reasonCodeOf } from './reason-codes.ts'

/** State that outlives a connection. */
export interface InboundSession {
  /** Commit cycles of QoS 2 messages that the broker has not released yet, keyed by packet id. */
  readonly unreleased: Map<number, number>
  /** The newest cycle that was reported as committed or failed. */
  reportedCycle: number
}

/** The user property that marks our receipts in MQTT 5. */
export const RECEIPT_MARK = 'iot-analytics-connector-receipt'

export interface InboundMessagesOptions {
  readonly options: MqttClientOptions
  readonly intake: Intake
  readonly session: InboundSession
  /** Undefined if copies can't come or can't be recognized. */
  readonly duplicates: DuplicateFilter | undefined
  readonly clock: Clock
  /** A message can't be stored now. Called once for each such message. */
  readonly withheld: (refusal: Refusal) => void
  /** Writes acknowledgements to the connection. */
  readonly write: (packets: Buffer) => void
  /**
   * Messages were lost with a failed commit. The connection must end, so that they are sent again.
   */
  readonly lost: (refusal: Refusal) => void
}

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000

/** A message that can't be stored now. All messages after it wait. */
interface Withheld {
  readonly refusal: Refusal
  /** How long to wait if it is refused again. */
  readonly nextPauseMs: number
  readonly timer: Timer
}

export class InboundMessages implements CommitListener {
  readonly #options: MqttClientOptions
  readonly #intake: Intake
  readonly #session: InboundSession
  readonly #write: (packets: Buffer) => void
  readonly #clock: Clock
  readonly #reportWithheld: (refusal: Refusal) => void
  readonly #lost: (refusal: Refusal) => void
  readonly #duplicates: DuplicateFilter | undefined
  readonly #pending: PendingAcknowledgements
  #stopped = false
  #withheld: Withheld | undefined
  /** Set while packets are held back; calling it makes MQTT.js continue. */
  #goOn: (() => void) | undefined

  constructor({ options, intake, session, duplicates, write, ...rest }: InboundMessagesOptions) {
    this.#options = options
    this.#clock = rest.clock
    this.#reportWithheld = rest.withheld
    this.#lost = rest.lost
    this.#intake = intake
    this.#session = session
    this.#duplicates = duplicates
    this.#write = write
    this.#pending = new PendingAcknowledgements(options.protocolVersion === 5)
  }

  get isHeldBack(): boolean {
    return this.#goOn !== undefined
  }

  /** Why the next message can't be stored now. */
  get refusal(): Refusal | undefined {
    return this.#withheld?.refusal
  }

  /** Calls `goOn` when the next packet may come: at once, or after enough has been committed. */
  handle(packet: IPublishPacket, goOn: () => void): void {
    // After `stop`, neither take nor acknowledge it, so that the broker keeps it.
    if (!this.#stopped) this.#take(packet)
    if (this.#isFull) this.#goOn = goOn
    else goOn()
  }

  /** The broker has released this QoS 2 packet id (PUBREL) and may use it again. */
  released(packetId: number): void {
    this.#session.unreleased.delete(packetId)
  }

  stop(): void {
    this.#stopped = true
    this.#stopWithholding()
    this.#continue()
  }

  /** The connection has ended. The broker will send unacknowledged messages again. */
  closed(): void {
    this.#stopWithholding()
  }

  committed(cycle: number): void {
    this.#session.reportedCycle = cycle
    if (this.#pending.count > 0) this.#send(this.#pending.release(cycle))
    this.#continue()
  }

  failed(cycle: number, refusal: Refusal): void {
    // Acknowledge earlier cycles. Nothing after them may be acknowledged any more [MQTT-4.6.0-2].
    if (this.#pending.count > 0) this.#send(this.#pending.release(cycle - 1))
    this.#duplicates?.forget(cycle)
    this.#session.reportedCycle = cycle
    if (this.#pending.count > 0 && this.#pending.oldestCycle <= cycle) {
      this.#pending.clear()
      this.#lost(refusal)
    } else {
      this.#continue()
    }
  }

  get #isFull(): boolean {
    return (
      this.#withheld !== undefined ||
      this.#intake.isSaturated ||
      this.#pending.count >= this.#options.maxUnacknowledged
    )
  }

  #continue(): void {
    const goOn = this.#goOn
    if (goOn === undefined || this.#isFull) return
    this.#goOn = undefined
    goOn()
  }

  #take(packet: IPublishPacket): void {
    const knownCycle = packet.qos === 2 ? this.#session.unreleased.get(idOf(packet)) : undefined
    if (knownCycle !== undefined) {
      // The broker sent it again because our PUBREC was lost. Take it in only once [MQTT-4.3.3-10].
      this.#acknowledge(packet, knownCycle, 0)
      return
    }
    const route = this.#isWanted(packet) ? this.#intake.route(packet.topic) : undefined
    if (route === undefined) {
      this.#acknowledge(packet, this.#session.reportedCycle, 0)
      return
    }
    const payload = bytesOf(packet)
    const identifiers = identifiersOf(packet)
    // A route that refuses all messages needs no search for copies, and its topic may be long.
    const duplicates = route.kind === 'refused' ? undefined : this.#duplicates
    const copyOf = duplicates?.find(packet.topic, payload, identifiers)
    if (copyOf !== undefined) {
      this.#acknowledgeTaken(packet, copyOf)
      return
    }
    const reply = replyTo(packet)
    const mayWithhold = packet.qos > 0
    const end = payload.length
    const outcome = this.#intake.accept(route, packet.topic, payload, 0, end, reply, mayWithhold)
    if (typeof outcome !== 'number') {
      this.#notAccepted(packet, outcome)
      return
    }
    this.#withheld = undefined
    duplicates?.expect(packet.topic, payload, identifiers, outcome)
    this.#acknowledgeTaken(packet, outcome)
  }

  #notAccepted(packet: IPublishPacket, { refusal, isWithheld }: NotAccepted): void {
    if (isWithheld) {
      this.#withhold(packet, refusal)
      return
    }
    this.#withheld = undefined
    this.#acknowledge(packet, this.#session.reportedCycle, reasonCodeOf(refusal))
  }

  #withhold(packet: IPublishPacket, refusal: Refusal): void {
    if (this.#withheld === undefined) this.#reportWithheld(refusal)
    const pauseMs = this.#withheld?.nextPauseMs ?? FIRST_PAUSE_MS
    const timer = this.#clock.after(pauseMs, () => this.#offerAgain(packet))
    this.#withheld = { refusal, nextPauseMs: Math.min(2 * pauseMs, LONGEST_PAUSE_MS), timer }
  }

  #offerAgain(packet: IPublishPacket): void {
    this.#take(packet)
    this.#continue()
  }

  #stopWithholding(): void {
    this.#withheld?.timer.cancel()
    this.#withheld = undefined
  }

  #acknowledgeTaken(packet: IPublishPacket, cycle: number): void {
    if (packet.qos === 2) this.#session.unreleased.set(idOf(packet), cycle)
    this.#acknowledge(packet, cycle, 0)
  }

  /** Leaves out our own receipts and, unless configured otherwise, retained messages. */
  #isWanted({ retain, properties }: IPublishPacket): boolean {
    if (retain && this.#options.retained === 'ignore') return false
    return properties?.userProperties?.[RECEIPT_MARK] === undefined
  }

  /** Acknowledges once `cycle` is reported, and after all earlier packets. */
  #acknowledge(packet: IPublishPacket, cycle: number, reasonCode: number): void {
    if (packet.qos === 0) return
    const type = packet.qos === 1 ? PUBACK : PUBREC
    const newest = Math.max(cycle, this.#pending.newestCycle)
    this.#pending.add({ cycle: newest, type, packetId: idOf(packet), reasonCode })
    if (this.#pending.newestCycle <= this.#session.reportedCycle) {
      this.#send(this.#pending.release(this.#session.reportedCycle))
    }
  }

  #send(packets: Buffer): void {
    if (packets.length > 0) this.#write(packets)
  }
}

function idOf({ messageId }: IPublishPacket): number {
  return messageId ?? 0
}

function bytesOf({ payload }: IPublishPacket): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}

function identifiersOf({ properties }: IPublishPacket): readonly number[] {
  const identifiers = properties?.subscriptionIdentifier ?? []
  return typeof identifiers === 'number' ? [identifiers] : identifiers
}

function replyTo({ properties }: IPublishPacket): ReplyTo | undefined {
  const topic = properties?.responseTopic
  if (topic === undefined) return undefined
  const correlation = properties?.correlationData
  // A copy, because it outlives the packet.
  return { topic, correlation: correlation === undefined ? undefined : Buffer.from(correlation) }
}
