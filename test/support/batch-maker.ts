/** Batches for tests of destinations. */
import type { Batch } from '../../src/destinations/destination.ts'
import type { Message } from '../../src/message.ts'

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
export function makeBatch(channel: string, count: number): Batch {
  return { channel, messages: Array.from({ length: count }, (_, offset) => makeMessage(offset)) }
}
