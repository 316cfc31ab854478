/** A message on its way to subscribers, made from the fields a test is about. */
import type { Properties } from '../../../src/sources/mqtt-server/packets/properties.ts'
import type { Qos } from '../../../src/sources/mqtt-server/packets/protocol.ts'
import { Publication } from '../../../src/sources/mqtt-server/topics/publication.ts'

export interface PublicationFields {
  readonly topic?: string
  readonly payload?: string | Buffer
  readonly qos?: Qos
  readonly retain?: boolean
  readonly properties?: Properties
  readonly expiresAtMs?: number
}

export function publicationOf(fields: PublicationFields = {}): Publication {
  const { topic = 'a/b', payload = 'x', qos = 0, retain = false, properties = {} } = fields
  const bytes = Buffer.from(payload)
  const received = { bytes, payloadStart: 0, end: bytes.length, qos, retain, properties }
  return new Publication({ name: topic, bytes: Buffer.from(topic) }, received, fields.expiresAtMs)
}
