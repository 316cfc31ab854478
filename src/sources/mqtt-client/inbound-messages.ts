/**
 * The messages one connection brings: taken in, acknowledged when they are committed, and held
 * back when too much waits to be.
 *
 * What can't be stored is never acknowledged, for the broker would forget it. A message that can't
 * be stored now is offered again after pauses that grow, without an end: meanwhile the broker keeps
 * it and all behind it. When a commit has failed, only a new connection makes the broker send its
 * messages again, so this one ends.
 *
 * MQTT.js would handle the next packet only when this one is acknowledged, that is one message per
 * sync. So it is told at once to go on and to leave acknowledging to us (`broker-link.ts`).
 */
import type { IPublishPacket } from 'mqtt'
import type { Clock, Timer } from '../../clock.ts'
import type { Refusal, ReplyTo } from '../../message.ts'
import type { CommitListener, Intake, NotAccepted } from '../source.ts'
import type { Copies } from './copies.ts'
import type { MqttClientOptions } from './options.ts'
import { OwedAcknowledgements, PUBACK, PUBREC } from './owed-acknowledgements.ts'
import { reasonCodeOf } from './reason-code.ts'

/** What outlives a connection. */
export interface InboundSession {
  /** Packet ids of QoS 2 messages taken and not yet released by the broker, each with its commit cycle. */
  readonly unreleased: Map<number, number>
  /** Whatever belongs to this cycle or one before has been reported. */
  reportedCycle: number
}

/** The user property that marks our receipts in MQTT 5. */
export const RECEIPT_MARK = 'iot-analytics-connector-receipt'

export interface InboundMessagesOptions {
  readonly options: MqttClientOptions
  readonly intake: Intake
  readonly session: InboundSession
  /** Undefined where none can come or none can be told. */
  readonly copies: Copies | undefined
  readonly clock: Clock
  /** A message can't be stored now; told once for each. */
  readonly withheld: (refusal: Refusal) => void
  /** Writes acknowledgements to the connection. */
  readonly write: (packets: Buffer) => void
  /** Messages were lost with their commit: the connection is to end, so that they come again. */
  readonly lost: (refusal: Refusal) => void
}

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000

/** The message that can't be stored now. All behind it wait. */
interface Withheld {
  readonly refusal: Refusal
  /** How long to wait when it is refused once more. */
  readonly nextPauseMs: number
  readonly timer: Timer
}

export class InboundMessages implements CommitListener {
  readonly #options: MqttClientOptions
  readonly #intake: Intake
  readonly #session: InboundSession
  readonly #write: (packets: Buffer) => void
  readonly #clock: Clock
  readonly #tellWithheld: (refusal: Refusal) => void
  readonly #lost: (refusal: Refusal) => void
  readonly #copies: Copies | undefined
  readonly #owed: OwedAcknowledgements
  #stopped = false
  #withheld: Withheld | undefined
  /** Set while packets are held back: makes MQTT.js go on. */
  #goOn: (() => void) | undefined

  constructor({ options, intake, session, copies, write, ...rest }: InboundMessagesOptions) {
    this.#options = options
    this.#clock = rest.clock
    this.#tellWithheld = rest.withheld
    this.#lost = rest.lost
    this.#intake = intake
    this.#session = session
    this.#copies = copies
    this.#write = write
    this.#owed = new OwedAcknowledgements(options.protocolVersion === 5)
  }

  get isHeldBack(): boolean {
    return this.#goOn !== undefined
  }

  /** Why the next message can't be stored just now. */
  get refusal(): Refusal | undefined {
    return this.#withheld?.refusal
  }

  /** Calls `goOn` when the next packet may come: now, or when enough has been committed. */
  handle(packet: IPublishPacket, goOn: () => void): void {
    // After `stop`: neither taken nor acknowledged, so that the broker keeps it.
    if (!this.#stopped) this.#take(packet)
    if (this.#isFull) this.#goOn = goOn
    else goOn()
  }

  /** The broker has let go of this QoS 2 packet id (PUBREL) and may use it again. */
  released(packetId: number): void {
    this.#session.unreleased.delete(packetId)
  }

  stop(): void {
    this.#stopped = true
    this.#stopWithholding()
    this.#continue()
  }

  /** The connection has ended: the broker sends again what is not acknowledged. */
  closed(): void {
    this.#stopWithholding()
  }

  committed(cycle: number): void {
    this.#session.reportedCycle = cycle
    if (this.#owed.count > 0) this.#send(this.#owed.release(cycle))
    this.#continue()
  }

  failed(cycle: number, refusal: Refusal): void {
    // Those of earlier cycles; behind them nothing may be acknowledged any more [MQTT-4.6.0-2].
    if (this.#owed.count > 0) this.#send(this.#owed.release(cycle - 1))
    this.#copies?.forget(cycle)
    this.#session.reportedCycle = cycle
    if (this.#owed.count > 0 && this.#owed.oldestCycle <= cycle) {
      this.#owed.clear()
      this.#lost(refusal)
    } else {
      this.#continue()
    }
  }

  get #isFull(): boolean {
    return (
      this.#withheld !== undefined ||
      this.#intake.isSaturated ||
      this.#owed.count >= this.#options.maxUnacknowledged
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
      // Sent again because our PUBREC was lost; taken in once [MQTT-4.3.3-10].
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
    const copyOf = this.#copies?.find(packet.topic, payload, identifiers)
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
    this.#copies?.expect(packet.topic, payload, identifiers, outcome)
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
    if (this.#withheld === undefined) this.#tellWithheld(refusal)
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

  /** What the broker retained is old news, and our own receipts are none. */
  #isWanted({ retain, properties }: IPublishPacket): boolean {
    if (retain && this.#options.retained === 'ignore') return false
    return properties?.userProperties?.[RECEIPT_MARK] === undefined
  }

  /** Acknowledges once `cycle` is reported, and not before what came before. */
  #acknowledge(packet: IPublishPacket, cycle: number, reasonCode: number): void {
    if (packet.qos === 0) return
    const type = packet.qos === 1 ? PUBACK : PUBREC
    this.#owed.owe(Math.max(cycle, this.#owed.newestCycle), type, idOf(packet), reasonCode)
    if (this.#owed.newestCycle <= this.#session.reportedCycle) {
      this.#send(this.#owed.release(this.#session.reportedCycle))
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
  // Copied, because it outlives the packet it is a part of.
  return { topic, correlation: correlation === undefined ? undefined : Buffer.from(correlation) }
}
