/** A message on its way to subscribers, made from the fields a test is about. */
import { PacketReader } from '../../../src/sources/mqtt-server/packets/packet-reader.ts'
import {
  NO_PROPERTY_LIMITS,
  type Properties,
  readProperties,
} from '../../../src/sources/mqtt-server/packets/properties.ts'
import { PacketType, type Qos } from '../../../src/sources/mqtt-server/packets/protocol.ts'
import { Publication } from '../../../src/sources/mqtt-server/topics/publication.ts'
import { variableByteInteger } from './property.ts'

export interface PublicationFields {
  readonly topic?: string
  readonly payload?: string | Buffer
  readonly qos?: Qos
  readonly retain?: boolean
  /** As in a PUBLISH, without their length; see `property`. */
  readonly properties?: readonly number[]
  readonly expiresAtMs?: number
}

export function publicationOf(fields: PublicationFields = {}): Publication {
  const { topic = 'a/b', payload = 'x', qos = 0, retain = false } = fields
  const bytes = Buffer.from(payload)
  const properties = propertiesOf(fields.properties ?? [])
  const received = { bytes, payloadStart: 0, end: bytes.length, qos, retain, properties }
  return new Publication({ name: topic, bytes: Buffer.from(topic) }, received, fields.expiresAtMs)
}

/** What the server reads from the properties of a PUBLISH. */
export function propertiesOf(
  bytes: readonly number[],
  carrier: number = PacketType.publish,
  limits = NO_PROPERTY_LIMITS,
): Properties {
  const section = Buffer.from([...variableByteInteger(bytes.length), ...bytes])
  return readProperties(new PacketReader(section, 0, section.length), carrier, limits)
}
