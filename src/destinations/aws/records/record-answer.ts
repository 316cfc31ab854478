/**
 * Reads which records a 200 accepted. HTTP 200 does not mean accepted: the answer has an entry for
 * each record of the request, in the same order, and one with an `ErrorCode` was not stored.
 */
import type { Refusal } from '../../../message.ts'
import type { Answer } from '../../http-client/http-exchange.ts'
import { isObject, MAX_NAME_CHARACTERS, objectIn, textIn } from '../answer.ts'
import { isRetryableCode } from '../failure.ts'
import type { RecordService } from './record-service.ts'

export interface FailedRecord {
  /** In the request. */
  readonly at: number
  readonly refusal: Refusal
  /** It may be accepted later. */
  readonly isForNow: boolean
}

/**
 * The records that were not stored. Undefined if the answer does not say so of every record, and
 * acknowledges nothing.
 */
export function failedRecordsOf(
  answer: Answer,
  count: number,
  { entries: name, failedCount }: Pick<RecordService, 'entries' | 'failedCount'>,
): FailedRecord[] | undefined {
  if (answer.isCut || answer.status !== 200) return undefined
  const parsed = objectIn(answer.body)
  const entries = parsed?.[name]
  if (parsed === undefined || !Array.isArray(entries) || entries.length !== count) return undefined
  const failed: FailedRecord[] = []
  for (let at = 0; at < count; at++) {
    const given: unknown = entries[at]
    const entry = isObject(given) ? given : {}
    const error = textIn(entry, 'ErrorCode', MAX_NAME_CHARACTERS)
    if (error === undefined) {
      if (!isStored(entry)) return undefined
      continue
    }
    const message = textIn(entry, 'ErrorMessage') ?? 'The destination gave no message.'
    failed.push({ at, refusal: { error, message }, isForNow: isForNow(error) })
  }
  // A count of more than these leaves open which records it means.
  return Number(parsed[failedCount] ?? 0) <= failed.length ? failed : undefined
}

/** Kinesis and Firehose name what they have stored. */
function isStored(entry: Readonly<Record<string, unknown>>): boolean {
  return hasText(entry['SequenceNumber']) || hasText(entry['RecordId'])
}

function hasText(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'number'
}

/** What an operator can change, such as the key of the stream, says nothing about the record. */
function isForNow(code: string): boolean {
  return isRetryableCode(code) || isAboutKms(code) || code === 'ResourceNotFoundException'
}

/** Errors of the key that encrypts the target. */
export function isAboutKms(code: string): boolean {
  return /^(KMS|InvalidKMS)/.test(code)
}

/** The status in the description of a target. Undefined if the answer is none. */
export function targetStatusIn({ status, body }: Answer): string | undefined {
  if (status !== 200) return undefined
  return /"(?:Stream|DeliveryStream)Status"\s*:\s*"([A-Z_]{1,64})"/.exec(body)?.[1]
}
