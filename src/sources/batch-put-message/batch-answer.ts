/** The answer to a batch: 200, with an entry for each message that was not stored. */
import { type ServiceAnswer, serviceAnswer, shownText } from '../../aws-server/service-answer.ts'

/** `batchPutMessageErrorEntries` of an answer: a message that was not stored. */
export interface ErrorEntry {
  readonly messageId: string
  readonly errorCode: string
  readonly errorMessage: string
}

export function answerOf(entries: readonly ErrorEntry[]): ServiceAnswer {
  return serviceAnswer(200, { batchPutMessageErrorEntries: entries.map(shownEntry) })
}

function shownEntry({ messageId, errorCode, errorMessage }: ErrorEntry): ErrorEntry {
  return { messageId, errorCode, errorMessage: shownText(errorMessage) }
}
