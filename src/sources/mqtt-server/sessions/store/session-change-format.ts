/**
 * Encodes changes to sessions, one after the other, and decodes them:
 *
 *     kind and owner (1 byte) │ client id │ user, if the owner is one │ fields of the kind
 *
 * A retained message has no owner and no names. Changes to sessions without an owner are those of
 * earlier versions, which recorded the user with `connected`.
 *
 * Numbers are big-endian, a text is preceded by its length (2 bytes), times are doubles. A message
 * is written once, under a number, in the record of the first change that needs it; `queued` and
 * `retained` refer to it by this number.
 */

import { PacketReader } from '../../packets/packet-reader.ts'
import { PacketWriter } from '../../packets/packet-writer.ts'
import type { Qos } from '../../packets/protocol.ts'
import type { SubscriptionOptions } from '../../packets/subscribe-packet.ts'
import type { PersistedMessage } from '../../topics/persisted-message.ts'
import { checkChange, checkMessage } from './change-check.ts'
import type { SessionChange, StoredDelivery, StoredWill } from './session-change.ts'
import type { SessionName } from './sessions-by-name.ts'
import { UnownedChanges } from './unowned-changes.ts'

const KIND = {
  message: 1,
  begun: 2,
  connected: 3,
  disconnected: 4,
  willPublished: 5,
  ended: 6,
  subscribed: 7,
  unsubscribed: 8,
  queued: 9,
  sent: 10,
  released: 11,
  settled: 12,
  received: 13,
  forgotten: 14,
  retained: 15,
  unretained: 16,
  dropped: 17,
} as const

/** Bits of the first byte: whose session it is. */
const OWNER = { user: 32, anonymous: 64 } as const
const OWNERS = OWNER.user | OWNER.anonymous

const FLAG = { retain: 4, noLocal: 8, retainAsPublished: 16, identifier: 32 }

/** Message numbers have four bytes. */
const MOST_NUMBERS = 2 ** 32

/** Encodes changes, and remembers which messages have been written. */
export class SessionChangeWriter {
  readonly #writer = new PacketWriter()
  #numbers = new WeakMap<PersistedMessage, number>()
  #last = 0

  /** Registers messages that are in the log already, by number. */
  know(messages: ReadonlyMap<number, PersistedMessage>): void {
    for (const [number, message] of messages) {
      this.#numbers.set(message, number)
      this.#last = number
    }
  }

  /** Writes every message again from here on, because the records before will be released. */
  startOver(): void {
    this.#numbers = new WeakMap()
  }

  /** Valid until the next call. */
  encode(change: SessionChange): Buffer {
    const writer = this.#writer.clear()
    if (change.kind === 'queued') this.#ensure(writer, change.delivery.message)
    if (change.kind === 'retained') this.#ensure(writer, change.message)
    const kind = KIND[change.kind]
    if (change.kind === 'unretained') writer.byte(kind).text(change.topic)
    else if (change.kind === 'retained') writer.byte(kind).uint32(this.#numberOf(change.message))
    else this.#writeSessionChange(writeName(writer, kind, change), change)
    return writer.bytes()
  }

  #ensure(writer: PacketWriter, message: PersistedMessage): void {
    if (this.#numbers.has(message)) return
    this.#last = (this.#last + 1) % MOST_NUMBERS
    this.#numbers.set(message, this.#last)
    writer.byte(KIND.message).uint32(this.#last)
    writeMessage(writer, message)
    writer.double(message.expiresAt)
  }

  #numberOf(message: PersistedMessage): number {
    return this.#numbers.get(message) ?? 0
  }

  #writeSessionChange(
    writer: PacketWriter,
    change: Extract<SessionChange, { clientId: string }>,
  ): void {
    switch (change.kind) {
      case 'begun':
        writer.uint16(change.lastPacketId)
        return
      case 'connected':
        writer.uint32(change.expiryIntervalS)
        writer.byte(change.will === undefined ? 0 : 1)
        if (change.will !== undefined) writeMessage(writer, change.will)
        return
      case 'disconnected':
        writer.double(change.expiresAt).double(change.willDueAt)
        return
      case 'subscribed':
        writer.text(change.filter)
        writeOptions(writer, change.options)
        return
      case 'unsubscribed':
        writer.text(change.filter)
        return
      case 'queued':
        this.#writeDelivery(writer, change.delivery)
        return
      case 'sent':
        writer.double(change.sequence).uint16(change.packetId)
        return
      case 'dropped':
        writer.double(change.sequence)
        return
      case 'released':
      case 'settled':
      case 'received':
      case 'forgotten':
        writer.uint16(change.packetId)
        return
      case 'willPublished':
      case 'ended':
    }
  }

  #writeDelivery(writer: PacketWriter, delivery: StoredDelivery): void {
    const { sequence, message, qos, retain, identifiers } = delivery
    writer.double(sequence).uint32(this.#numberOf(message))
    writer.byte(qos | (retain ? FLAG.retain : 0)).uint16(identifiers.length)
    for (const identifier of identifiers) writer.uint32(identifier)
  }
}

/** Decodes records in their order. */
export class SessionChangeReader {
  /** By number. */
  readonly messages = new Map<number, PersistedMessage>()
  readonly #unowned = new UnownedChanges();

  /**
   * The changes in `bytes`, without those that refer to a lost message. Throws if `bytes` is not a
   * valid record.
   */
  *decode(bytes: Buffer): Generator<SessionChange> {
    const reader = new PacketReader(bytes, 0, bytes.length)
    while (!reader.isAtEnd) {
      const first = reader.byte()
      if (first === KIND.message) {
        const number = reader.uint32()
        const message = { ...readMessage(reader), expiresAt: reader.double() }
        checkMessage(message)
        this.messages.set(number, message)
        continue
      }
      const change = this.#read(first, reader)
      if (change === undefined) continue
      checkChange(change)
      if ((first & OWNERS) === 0 && 'clientId' in change) yield* this.#unowned.owned(change)
      else yield change
    }
  }

  #read(first: number, reader: PacketReader): SessionChange | undefined {
    if (first === KIND.retained) {
      const message = this.messages.get(reader.uint32())
      return message === undefined ? undefined : { kind: 'retained', message }
    }
    if (first === KIND.unretained) return { kind: 'unretained', topic: reader.text() }
    const name = readName(first, reader)
    const kind = first & ~OWNERS
    switch (kind) {
      case KIND.begun:
        return { kind: 'begun', ...name, lastPacketId: reader.uint16() }
      case KIND.connected: {
        const expiryIntervalS = reader.uint32()
        const has = reader.byte()
        const userName = (has & 2) === 0 ? name.userName : reader.text()
        const will = (has & 1) === 0 ? undefined : readMessage(reader)
        return { kind: 'connected', ...name, userName, expiryIntervalS, will }
      }
      case KIND.disconnected: {
        const expiresAt = reader.double()
        return { kind: 'disconnected', ...name, expiresAt, willDueAt: reader.double() }
      }
      case KIND.subscribed: {
        const filter = reader.text()
        return { kind: 'subscribed', ...name, filter, options: readOptions(reader) }
      }
      case KIND.unsubscribed:
        return { kind: 'unsubscribed', ...name, filter: reader.text() }
      case KIND.queued: {
        const delivery = this.#readDelivery(reader)
        return delivery === undefined ? undefined : { kind: 'queued', ...name, delivery }
      }
      case KIND.sent: {
        const sequence = reader.double()
        return { kind: 'sent', ...name, sequence, packetId: reader.uint16() }
      }
    }
    return readShort(kind, name, reader)
  }

  #readDelivery(reader: PacketReader): StoredDelivery | undefined {
    const sequence = reader.double()
    const message = this.messages.get(reader.uint32())
    const flags = reader.byte()
    const identifiers = Array.from({ length: reader.uint16() }, () => reader.uint32())
    if (message === undefined) return undefined
    const qos = (flags & 3) === 2 ? 2 : 1
    return { sequence, message, qos, retain: (flags & FLAG.retain) !== 0, identifiers }
  }
}

/** Reads a change that has one further field or none. */
function readShort(
  kind: number,
  name: SessionName,
  reader: PacketReader,
): SessionChange | undefined {
  switch (kind) {
    case KIND.willPublished:
      return { kind: 'willPublished', ...name }
    case KIND.ended:
      return { kind: 'ended', ...name }
    case KIND.dropped:
      return { kind: 'dropped', ...name, sequence: reader.double() }
    case KIND.released:
      return { kind: 'released', ...name, packetId: reader.uint16() }
    case KIND.settled:
      return { kind: 'settled', ...name, packetId: reader.uint16() }
    case KIND.received:
      return { kind: 'received', ...name, packetId: reader.uint16() }
    case KIND.forgotten:
      return { kind: 'forgotten', ...name, packetId: reader.uint16() }
  }
  throw new RangeError(`expected a change to sessions, found kind ${kind}`)
}

function writeName(writer: PacketWriter, kind: number, name: SessionName): PacketWriter {
  const { clientId, userName } = name
  if (userName === undefined) return writer.byte(kind | OWNER.anonymous).text(clientId)
  return writer
    .byte(kind | OWNER.user)
    .text(clientId)
    .text(userName)
}

function readName(first: number, reader: PacketReader): SessionName {
  const clientId = reader.text()
  return (first & OWNER.user) === 0 ? { clientId } : { clientId, userName: reader.text() }
}

function writeMessage(writer: PacketWriter, message: PersistedMessage | StoredWill): void {
  const { topic, qos, retain, properties, payload } = message
  writer.text(topic).byte(qos | (retain ? FLAG.retain : 0))
  writer.uint32(properties.length).raw(properties)
  writer.uint32(payload.length).raw(payload)
}

function readMessage(reader: PacketReader): StoredWill {
  const topic = reader.text()
  const flags = reader.byte()
  const properties = reader.bytesOf(reader.uint32())
  const payload = reader.bytesOf(reader.uint32())
  return { topic, qos: qosOf(flags), retain: (flags & FLAG.retain) !== 0, properties, payload }
}

function writeOptions(writer: PacketWriter, options: SubscriptionOptions): void {
  const { qos, noLocal, retainAsPublished, identifier } = options
  writer.byte(
    qos |
      (noLocal ? FLAG.noLocal : 0) |
      (retainAsPublished ? FLAG.retainAsPublished : 0) |
      (identifier === undefined ? 0 : FLAG.identifier),
  )
  if (identifier !== undefined) writer.uint32(identifier)
}

function readOptions(reader: PacketReader): SubscriptionOptions {
  const flags = reader.byte()
  return {
    qos: qosOf(flags),
    noLocal: (flags & FLAG.noLocal) !== 0,
    retainAsPublished: (flags & FLAG.retainAsPublished) !== 0,
    identifier: (flags & FLAG.identifier) !== 0 ? reader.uint32() : undefined,
  }
}

function qosOf(flags: number): Qos {
  const qos = flags & 3
  return qos === 2 ? 2 : qos === 1 ? 1 : 0
}
