/** What an admitted client and the server say to each other: one method per kind of packet. */
import type { Broker } from './broker.ts'
import {
  type DisconnectPacket,
  encodeAcknowledgement,
  readAcknowledgement,
  readDisconnect,
} from './control-packets.ts'
import { PacketType, PINGRESP, ReasonCode } from './protocol.ts'
import { ProtocolViolation } from './protocol-violation.ts'
import { PublishReceiver } from './publish-receiver.ts'
import type { Link, Session } from './session.ts'
import { readSubscribe, readUnsubscribe } from './subscribe-packet.ts'
import { subscribe, unsubscribe } from './subscribing.ts'

export interface ConversationOptions {
  readonly broker: Broker
  readonly session: Session
  readonly link: Link
  /** What CONNECT's request problem information says: reason strings are welcome. */
  readonly wantsReasons: boolean
}

/** [MQTT-2.2.2-1]: the flags each packet has in its first byte, PUBLISH aside. */
export function hasRightFlags(type: number, first: number): boolean {
  const isTwo =
    type === PacketType.pubrel || type === PacketType.subscribe || type === PacketType.unsubscribe
  return (first & 0x0f) === (isTwo ? 2 : 0)
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

  /** Undefined until the client publishes for the first time. */
  get receiver(): PublishReceiver | undefined {
    return this.#receiver
  }

  publish(first: number, bytes: Buffer, start: number, end: number): void {
    this.#receiver ??= new PublishReceiver({
      broker: this.#broker,
      link: this.#link,
      session: this.session,
      wantsReasons: this.#wantsReasons,
    })
    const { incoming } = this.#broker
    incoming.read(first, bytes, start, end, this.#link.version)
    this.#receiver.receive(incoming)
  }

  /** Any packet but PUBLISH and DISCONNECT. Throws ProtocolViolation. */
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
      default:
        throw new ProtocolViolation(
          `packet of type ${type} from a client that is connected`,
          ReasonCode.protocolError,
        )
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

  #acknowledged(type: 4 | 5 | 6 | 7, bytes: Buffer, start: number, end: number): void {
    const { version } = this.#link
    const { packetId, reasonCode } = readAcknowledgement(type, bytes, start, end, version)
    if (type === PacketType.pubrel) {
      const isKnown = this.session.hasReceivedIds && this.session.receivedIds.delete(packetId)
      const code = isKnown ? ReasonCode.success : ReasonCode.packetIdentifierNotFound
      this.#link.send(encodeAcknowledgement(PacketType.pubcomp, version, packetId, code))
    } else if (type === PacketType.pubrec && reasonCode < ReasonCode.unspecifiedError) {
      const isKnown = this.session.release(packetId)
      const code = isKnown ? ReasonCode.success : ReasonCode.packetIdentifierNotFound
      this.#link.send(encodeAcknowledgement(PacketType.pubrel, version, packetId, code))
    } else {
      // PUBACK, PUBCOMP, or a PUBREC that says no and so ends the exchange [MQTT-4.3.3-1].
      this.session.settle(packetId)
    }
  }
}
