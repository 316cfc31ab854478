/**
 * What a message at an offset of a channel contains, so that a reader of a log can check it without
 * having seen how it was written.
 */
import { createHash } from 'node:crypto'
import type { Draft, Message } from '../../src/message.ts'

const CHANNELS = ['alpha', 'beta', 'gamma']

export function channelNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => CHANNELS[index] ?? `channel_${index}`)
}

function digestOf(channel: string, offset: number): Buffer {
  return createHash('sha256').update(`${channel}/${offset}`).digest()
}

/** Between 0 and about 2,000 bytes. */
function payloadOf(digest: Buffer): Buffer {
  const length = digest.readUInt8(0) < 8 ? 0 : digest.readUInt16LE(1) % 2000
  return Buffer.alloc(length, digest)
}

export function fillDraft(draft: Draft, channel: string, offset: number): void {
  const digest = digestOf(channel, offset)
  const payload = payloadOf(digest)
  draft.topic = `device/${digest.readUInt8(3) % 5}`
  draft.id = digest.readUInt8(4) < 128 ? `id-${offset}` : undefined
  draft.text = undefined
  draft.bytes = payload
  draft.start = 0
  draft.end = payload.length
  draft.receivedAt = 1_700_000_000_000 + offset
}

/** Whether the message is what `fillDraft` made for its offset. */
export function isAsWritten(channel: string, message: Message): boolean {
  const { offset } = message
  const digest = digestOf(channel, offset)
  return (
    message.payload.equals(payloadOf(digest)) &&
    message.topic === `device/${digest.readUInt8(3) % 5}` &&
    message.senderId === (digest.readUInt8(4) < 128 ? `id-${offset}` : undefined) &&
    message.receivedAt === 1_700_000_000_000 + offset
  )
}
