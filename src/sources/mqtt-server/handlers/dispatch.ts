/** What an admitted client and the server say to each other: one method per kind of packet. */
import type { Refusal } from '../../../message.ts'
import { maskRefusal } from '../access/refusal-masking.ts'
import type { Broker } from '../broker/broker.ts'
import {
  type DisconnectPacket,
  encodeAcknowledgement,
  encodeDisconnect,
  readAcknowledgement,
  readDisconnect,
} from '../packets/control-packets.ts'
import { PacketType, PINGRESP, ReasonCode } from '../packets/protocol.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import { readSubscribe, readUnsubscribe } from '../packets/subscribe-packet.ts'
import type { Link } from '../sessions/link.ts'
import type { Session } from '../sessions/session.ts'
import { PublishReceiver } from './publish.ts'
import { subscribe, unsubscribe } from './subscribe.ts'

/** What stands in the low half of a packet's first byte [MQTT-2.2.2-1], where it is not 0. */
const FLAGS: Readonly<Record<number, number>> = {
  [PacketType.pubrel]: 2,
  [PacketType.subscribe]: 2,
  [PacketType.unsubscribe]: 2,
}
const ONLY_SERVERS_SEND: ReadonlySet<number> = new Set([
  PacketType.connack,
  PacketType.suback,
  PacketType.unsuback,
  PacketType.pingresp,
])
/** Of these, wrong flags are called a protocol error by the servers that clients know. */
const PROTOCOL_ERROR_FLAGS: ReadonlySet<number> = new Set([
  PacketType.connack,
  PacketType.pubrel,
  PacketType.disconnect,
  PacketType.auth,
])

export interface ConversationOptions {
  readonly broker: Broker
  readonly session: Session
  readonly link: Link
  /** What CONNECT's request problem information says: reason strings are welcome. */
  readonly wantsReasons: boolean
}

/** Whether a connected client may send the packet at all, and with these flags [MQTT-2.2.2-2]. Not for PUBLISH. */
export function checkHeader(type: number, first: number): void {
  if ((first & 0x0f) !== (FLAGS[type] ?? 0)) {
    const isError = PROTOCOL_ERROR_FLAGS.has(type)
    const code = isError ? ReasonCode.protocolError : ReasonCode.malformedPacket
    throw new ProtocolViolation('reserved flags are set', code)
  }
  if (ONLY_SERVERS_SEND.has(type) || type === PacketType.connect || type === PacketType.auth) {
    throw new ProtocolViolation(
      `packet of type ${type} from a client that is connected`,
      ReasonCode.protocolError,
    )
  }
}

export class Conversation {
  readonly session: Session
  readonly #broker: Broker
  readonly #link: Link
  readonly #wantsReasons: boolean
  #receiver: PublishReceiver | undefined

  constructor({ broker, session, link, wantsReasons }: ConversationOptions) {
    this.session = session
    this.#broker = broker
    this.#link = link
    this.#wantsReasons = wantsReasons
  }

  /** The session is the client's from now on. */
  begin(): void {
    const { statistics, observer, name } = this.#broker
    statistics.connectionsOpened++
    this.session.attach(this.#link)
    this.session.resume()
    observer.clientConnected(name, this.session.clientId)
  }

  /** The client is gone, and its session waits for it. */
  end(reason: string, hasWill: boolean): void {
    const { sessions, observer, name } = this.#broker
    sessions.disconnected(this.session, hasWill)
    observer.clientDisconnected(name, this.session.clientId, reason)
  }

  /** Undefined until the client publishes for the first time. */
  get receiver(): PublishReceiver | undefined {
    return this.#receiver
  }

  /** Returns why the message can't be stored now when it is to be offered again. */
  publish(first: number, bytes: Buffer, start: number, end: number): Refusal | undefined {
    this.#receiver ??= new PublishReceiver({
      broker: this.#broker,
      link: this.#link,
      session: this.session,
      wantsReasons: this.#wantsReasons,
    })
    const { incoming } = this.#broker
    incoming.read(first, bytes, start, end, this.#link.version)
    return this.#receiver.receive(incoming)
  }

  /** Any packet that `checkHeader` has let through, but DISCONNECT. Throws ProtocolViolation. */
  handle(type: number, bytes: Buffer, start: number, end: number): void {
    const { version } = this.#link
    switch (type) {
      case PacketType.puback:
      case PacketType.pubrec:
      case PacketType.pubrel:
      case PacketType.pubcomp:
        this.#acknowledged(type, bytes, start, end)
        return
      case PacketType.subscribe: {
        const packet = readSubscribe(bytes, start, end, version)
        subscribe(this.#broker, this.session, this.#link, packet)
        return
      }
      case PacketType.unsubscribe: {
        const packet = readUnsubscribe(bytes, start, end, version)
        unsubscribe(this.#broker, this.session, this.#link, packet)
        return
      }
      case PacketType.pingreq:
        if (start !== end) throw new ProtocolViolation('PINGREQ with a body')
        this.#link.send(PINGRESP)
        return
    }
  }

  /** The client goes. Its session's expiry may change, but not begin at 0 [MQTT-3.1.2-23 ff.]. */
  readDisconnect(bytes: Buffer, start: number, end: number): DisconnectPacket {
    const packet = readDisconnect(bytes, start, end, this.#link.version)
    const expiryS = packet.sessionExpiryIntervalS
    if (expiryS !== undefined) {
      if (this.session.expiryIntervalS === 0 && expiryS !== 0) {
        throw new ProtocolViolation(
          'DISCONNECT gives an expiry to a session that had none',
          ReasonCode.protocolError,
        )
      }
      this.session.expiryIntervalS = expiryS
    }
    return packet
  }

  /** The DISCONNECT with which we end it: not where the protocol has none or the client takes none as long. */
  sayGoodbye(reasonCode: number, reason: string): void {
    const { version, maxPacketBytes } = this.#link
    if (version !== 5) return
    const told = maskRefusal(reasonCode, reason, this.#broker.revealsRefusals)
    const bytes = encodeDisconnect(told.code, told.reason)
    if (bytes.length <= maxPacketBytes) this.#link.send(bytes)
  }

  tellSentAway({ error, message }: Refusal): void {
    const { observer, name } = this.#broker
    observer.clientSentAway(name, this.session.clientId, error, message)
  }

  #acknowledged(type: 4 | 5 | 6 | 7, bytes: Buffer, start: number, end: number): void {
    const { version } = this.#link
    const { packetId, reasonCode } = readAcknowledgement(type, bytes, start, end, version)
    this.#expectInTurn(type, packetId)
    if (type === PacketType.pubrel) {
      // An id we don't know is no error: our PUBCOMP may have been lost.
      this.session.forgetReceived(packetId)
      const pubcomp = encodeAcknowledgement(PacketType.pubcomp, version, packetId)
      // With it the client may use the id for another message, so it must be forgotten for good.
      if (this.session.record === undefined) this.#link.send(pubcomp)
      else this.#broker.commitGate.whenDurable(() => this.#link.send(pubcomp))
    } else if (type === PacketType.pubrec && reasonCode < ReasonCode.unspecifiedError) {
      this.session.release(packetId)
      this.#link.send(encodeAcknowledgement(PacketType.pubrel, version, packetId))
    } else {
      // PUBACK, PUBCOMP, or a PUBREC that says no and so ends the exchange [MQTT-4.3.3-1].
      this.session.settle(packetId)
    }
  }

  /** An acknowledgement of the wrong kind for a message in flight (section 4.3); unknown packet ids are let pass. */
  #expectInTurn(type: number, packetId: number): void {
    const inflight = type === PacketType.pubrel ? undefined : this.session.inflight(packetId)
    if (inflight === undefined) return
    const isInTurn =
      type === PacketType.puback
        ? inflight.delivery.qos === 1
        : inflight.delivery.qos === 2 && (type === PacketType.pubrec || inflight.isReleased)
    if (isInTurn) return
    throw new ProtocolViolation(
      `acknowledgement of type ${type} is not what message ${packetId} waits for`,
      ReasonCode.protocolError,
    )
  }
}
