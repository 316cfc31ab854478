/**
 * Whether a change that was read from the log can have been recorded: a right checksum proves
 * nothing about it, because another version may have written it, or another program. What passes
 * can be restored and sent.
 */
import { isTopicFilter, isTopicName } from '../../../../topics.ts'
import { PacketReader } from '../../packets/packet-reader.ts'
import { NO_PROPERTY_LIMITS, readProperties, WILL_PROPERTIES } from '../../packets/properties.ts'
import { PacketType } from '../../packets/protocol.ts'
import { isSharedFilter, parseSharedFilter } from '../../packets/topic.ts'
import type { PersistedMessage } from '../../topics/persisted-message.ts'
import type { SessionChange, StoredDelivery, StoredWill } from './session-change.ts'

/** Subscription identifiers are variable byte integers above 0 [MQTT-3.8.2.1.2]. */
const MAX_IDENTIFIER = 268_435_455

/** Throws if the change can't have been recorded. */
export function checkChange(change: SessionChange): void {
  if (change.kind === 'subscribed') checkSubscription(change.filter, change.options.identifier)
  if (change.kind === 'connected' && change.will !== undefined) checkWill(change.will)
  if (change.kind === 'queued') checkDelivery(change.delivery)
  if (change.kind === 'disconnected') {
    expect(isTime(change.expiresAt) && isTime(change.willDueAt), 'a time')
  }
  if (change.kind === 'sent') expect(isSequence(change.sequence), 'a sequence number')
  if ('packetId' in change) expect(change.packetId > 0, 'a packet id')
}

/** Throws if the message can't have been published. */
export function checkMessage(message: PersistedMessage): void {
  expect(isTopicName(message.topic), 'a topic')
  expect(isTime(message.expiresAt), 'a time')
  checkProperties(message.properties, PacketType.publish)
}

function checkWill({ topic, properties }: StoredWill): void {
  expect(isTopicName(topic), 'a topic')
  checkProperties(properties, WILL_PROPERTIES)
}

function checkProperties(bytes: Buffer, carrier: number): void {
  const reader = new PacketReader(bytes, 0, bytes.length)
  readProperties(reader, carrier, NO_PROPERTY_LIMITS)
  reader.expectEnd()
}

function checkSubscription(filter: string, identifier: number | undefined): void {
  const isFilter = isSharedFilter(filter)
    ? parseSharedFilter(filter) !== undefined
    : isTopicFilter(filter)
  expect(isFilter, 'a topic filter')
  expect(identifier === undefined || isIdentifier(identifier), 'a subscription identifier')
}

function checkDelivery({ sequence, identifiers }: StoredDelivery): void {
  expect(isSequence(sequence), 'a sequence number')
  expect(identifiers.every(isIdentifier), 'subscription identifiers')
}

function isIdentifier(value: number): boolean {
  return value > 0 && value <= MAX_IDENTIFIER
}

function isSequence(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** Milliseconds since 1970, or infinite. */
function isTime(value: number): boolean {
  return !Number.isNaN(value) && value !== Number.NEGATIVE_INFINITY
}

function expect(isRight: boolean, what: string): void {
  if (!isRight) throw new RangeError(`expected ${what}`)
}
