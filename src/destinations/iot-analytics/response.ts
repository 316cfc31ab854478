/**
 * Reads answers to BatchPutMessage: which messages a 200 accepted. Every field of an answer is
 * optional and may have any type; nothing here throws.
 */

import type { Refusal } from '../../message.ts'
import { isObject, MAX_NAME_CHARACTERS, objectIn, textIn } from '../aws/answer.ts'
import { isRetryableCode } from '../aws/failure.ts'
import { ALL_ACCEPTED, type Batch, type BatchOutcome } from '../destination.ts'
import type { Answer } from '../http-client/http-exchange.ts'

/** The service's answer if it has stored every message. */
const NOTHING_REFUSED = '{"batchPutMessageErrorEntries":[]}'
/** In place of the index of a message that is not in the batch. */
const UNKNOWN = -1

/**
 * What became of the batch. Undefined if the answer does not come from BatchPutMessage (HTML from a
 * captive portal, say) and so acknowledges nothing.
 *
 * The service names rejected messages by `messageId`. An entry that names no message of the batch
 * means that an unknown message was not stored. Then every message without an entry of its own is
 * kept, because sending twice is better than losing. In a batch of one, the entry must mean that
 * message.
 */
export function outcomeOf(answer: Answer, batch: Batch): BatchOutcome | undefined {
  if (answer.isCut || answer.status < 200 || answer.status > 299) return undefined
  if (answer.body === '' || answer.body === NOTHING_REFUSED) return ALL_ACCEPTED
  const parsed = objectIn(answer.body)
  if (parsed === undefined) return undefined
  const entries = parsed['batchPutMessageErrorEntries']
  if (!Array.isArray(entries) || entries.length === 0) return ALL_ACCEPTED
  return outcomeOfEntries(entries, batch)
}

function outcomeOfEntries(entries: readonly unknown[], batch: Batch): BatchOutcome {
  const indexes = new Map(batch.messages.map((message, index) => [message.messageId, index]))
  const isOnly = batch.messages.length === 1
  const rejected = new Map<number, Refusal>()
  const kept = new Set<number>()
  let keptReason: Refusal | undefined
  for (const given of entries) {
    const entry = isObject(given) ? given : {}
    const index = isOnly ? 0 : indexes.get(textIn(entry, 'messageId') ?? '')
    const refusal = refusalOf(entry)
    if (index !== undefined && isFinal(refusal)) {
      rejected.set(index, refusal)
    } else {
      keptReason ??= refusal
      kept.add(index ?? UNKNOWN)
    }
  }
  if (kept.delete(UNKNOWN)) for (const index of batch.messages.keys()) kept.add(index)
  return {
    rejected: [...rejected].map(([index, refusal]) => ({ index, refusal })),
    kept: [...kept].filter((index) => !rejected.has(index)).sort((a, b) => a - b),
    ...(keptReason !== undefined && { keptReason }),
  }
}

/** False if the message may be accepted later, which includes entries without a code. */
function isFinal(refusal: Refusal | undefined): refusal is Refusal {
  return refusal !== undefined && !isRetryableCode(refusal.error)
}

/** Undefined if the entry has no code. */
function refusalOf(entry: Readonly<Record<string, unknown>>): Refusal | undefined {
  const code = textIn(entry, 'errorCode', MAX_NAME_CHARACTERS)
  if (code === undefined) return undefined
  return {
    error: code,
    message: textIn(entry, 'errorMessage') ?? 'The destination gave no message.',
  }
}
