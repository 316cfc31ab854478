/** A message that never came into a log, as far as its receipt needs it. */
import type { Draft, Message } from '../message.ts'

const NO_BYTES = Buffer.alloc(0)

export function unstoredMessage(draft: Draft): Message {
  return {
    offset: -1,
    receivedAt: draft.receivedAt,
    topic: draft.topic,
    senderId: draft.id,
    messageId: draft.id ?? '',
    payload: NO_BYTES,
    reply: draft.reply,
  }
}
