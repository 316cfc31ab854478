/** Keeps what a destination refused for good among the dead letters. */
import type { DeadLetters } from '../channels/dead-letters/dead-letters.ts'
import type { BatchOutcome } from '../destinations/destination.ts'
import type { Message } from '../message.ts'

export function keepRejected(
  deadLetters: DeadLetters,
  channel: string,
  destination: string,
  messages: readonly Message[],
  { rejected }: BatchOutcome,
): void {
  for (const { index, refusal } of rejected) {
    const message = messages[index]
    if (message === undefined) continue
    const { topic, receivedAt, senderId, messageId, payload } = message
    const reader = destination
    deadLetters.keep({ channel, reader, refusal, topic, receivedAt, senderId, messageId, payload })
  }
}
