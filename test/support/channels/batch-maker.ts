/** Batches for tests of destinations. */
import type { Batch } from '../../../src/destinations/destination.ts'
import { isPlainId, type Message } from '../../../src/message.ts'

export function makeMessage(offset: number, given: Partial<Message> = {}): Message {
  return {
    offset,
    receivedAt: 0,
    topic: 'test',
    senderId: undefined,
    messageId: `0a1b2c3d-${offset}`,
    payload: Buffer.from(`{"reading":${offset}}`),
    reply: undefined,
    ...given,
  }
}

/** `count` messages with ids and payloads of their own. */
export function messagesFrom(first: number, count: number): Message[] {
  return Array.from({ length: count }, (_, index) => makeMessage(first + index))
}

/** The first `count` messages of a log. */
export function makeBatch(channel: string, count: number): Batch {
  return batchOf(channel, messagesFrom(0, count))
}

export function batchOf(channel: string, messages: readonly Message[]): Batch {
  return { channel, logId: '0a1b2c3d', messages }
}

/** The same message as a log on disk returns it, within a larger buffer. */
export function packedMessage(message: Message): Message {
  const id = Buffer.from(message.messageId)
  const idStart = 3
  const idEnd = isPlainId(id, 0, id.length) ? idStart + id.length : idStart
  const payloadStart = idStart + id.length + 1
  const payloadEnd = payloadStart + message.payload.length
  const bytes = Buffer.concat([Buffer.from('...'), id, Buffer.from('.'), message.payload, id])
  return { ...message, packed: { bytes, idStart, idEnd, payloadStart, payloadEnd } }
}
