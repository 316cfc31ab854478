/** Drafts for logs, and what a log must make of them. */
import type { ChannelLog } from '../../../src/channels/log/channel-log.ts'
import type { Draft, Message } from '../../../src/message.ts'

/** A draft with a text payload, unless `change` says otherwise. */
export function draftOf(text: string, change: Partial<Draft> = {}): Draft {
  return {
    receivedAt: 1_700_000_000_000,
    topic: 'factory/line-1/temperature',
    id: undefined,
    text,
    bytes: Buffer.alloc(0),
    start: 0,
    end: 0,
    reply: undefined,
    ...change,
  }
}

/** A draft with the given bytes as its payload, in the middle of a larger buffer. */
export function binaryDraft(payload: Buffer, change: Partial<Draft> = {}): Draft {
  const bytes = Buffer.concat([Buffer.from('before'), payload, Buffer.from('after')])
  return draftOf('', { text: undefined, bytes, start: 6, end: 6 + payload.length, ...change })
}

export function appendTexts(log: ChannelLog, texts: readonly string[]): void {
  for (const text of texts) log.append(draftOf(text))
}

/** The content of a message, however its log holds it. */
export function contentOf(message: Message): Omit<Message, 'packed'> {
  const { offset, receivedAt, topic, senderId, messageId, payload, reply } = message
  return { offset, receivedAt, topic, senderId, messageId, payload, reply }
}

export function textsOf(messages: readonly Message[]): string[] {
  return messages.map((message) => message.payload.toString())
}

/** Every readable message, read in small steps. */
export async function readAll(log: ChannelLog, from = log.start, step = 7): Promise<Message[]> {
  const messages: Message[] = []
  let at = from
  for (;;) {
    const batch = await log.read(at, step, 64 * 1024)
    const last = batch.at(-1)
    if (last === undefined) return messages
    messages.push(...batch)
    at = last.offset + 1
  }
}
