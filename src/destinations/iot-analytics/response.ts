/**
 * Reads answers to BatchPutMessage: which messages a 200 accepted, and what went wrong according to
 * any other answer. Every field of an answer is optional and may have any type; nothing here
 * throws.
 */

import type { Refusal } from '../../message.ts'
import { startOf } from '../../shown-text.ts'
import { ALL_ACCEPTED, type Batch, type BatchOutcome } from '../destination.ts'
import { type Failure, isRetryableCode, kindOf } from './failure.ts'
import type { Answer } from './http/http-exchange.ts'

/** The length of the excerpt of an answer in error messages. */
const EXCERPT_CHARACTERS = 200
/** The service's answer if it has stored every message. */
const NOTHING_REFUSED = '{"batchPutMessageErrorEntries":[]}'
/** Longer names and messages are cut, because they are sent to every sender of a batch. */
const MAX_TEXT_CHARACTERS = 1_000
const MAX_NAME_CHARACTERS = 128
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

/**
 * The failure in an answer that has no outcome.
 * @param signedForMs the time the request was signed for, milliseconds since 1970
 */
export function failureOf(answer: Answer, signedForMs: number): Failure {
  const body = objectIn(answer.body) ?? {}
  const name = nameOf(answer, body)
  const serverTimeMs = serverTimeOf(answer)
  const skewMs = serverTimeMs === undefined ? undefined : serverTimeMs - signedForMs
  const said = textIn(body, 'message') ?? textIn(body, 'Message') ?? textIn(body, 'errorMessage')
  return {
    kind: kindOf({ status: answer.status, name, skewMs, isHtml: isHtml(answer) }),
    name,
    message: said ?? unexplained(answer),
    retryAfterMs: retryAfterOf(answer, serverTimeMs),
    skewMs,
  }
}

/** The error's name from header or body, without the suffix and namespace it may carry. */
function nameOf(answer: Answer, body: Readonly<Record<string, unknown>>): string | undefined {
  const given = answer.header('x-amzn-errortype') ?? textIn(body, '__type') ?? textIn(body, 'code')
  const name = given?.split(/[:,]/, 1)[0]?.split('#').at(-1)?.trim()
  return name === undefined || name === '' ? undefined : startOf(name, MAX_NAME_CHARACTERS)
}

function isHtml(answer: Answer): boolean {
  const type = answer.header('content-type') ?? ''
  return type.includes('html') || /^\s*</.test(answer.body)
}

function unexplained(answer: Answer): string {
  const text = answer.body
    .slice(0, EXCERPT_CHARACTERS * 4)
    .replace(/<[^>]*>|\s+/g, ' ')
    .replace(/ +/g, ' ')
    .trim()
  const excerpt = startOf(text, EXCERPT_CHARACTERS)
  return `status ${answer.status}${text === '' ? ' and no body' : `: ${excerpt}`}`
}

/** The `date` header. In a cached answer (`age`) it is too old to use. */
function serverTimeOf(answer: Answer): number | undefined {
  const date = answer.header('date')
  if (date === undefined || answer.header('age') !== undefined) return undefined
  const timeMs = Date.parse(date)
  return Number.isNaN(timeMs) ? undefined : timeMs
}

/** `x-amz-retry-after` in milliseconds, or `retry-after` in seconds or as a date. */
function retryAfterOf(answer: Answer, serverTimeMs: number | undefined): number | undefined {
  const amazon = Number(answer.header('x-amz-retry-after') ?? Number.NaN)
  if (amazon >= 0) return amazon
  const given = answer.header('retry-after')
  if (given === undefined || given === '') return undefined
  const seconds = Number(given)
  if (seconds >= 0) return seconds * 1000
  const untilMs = Date.parse(given) - (serverTimeMs ?? Number.NaN)
  return untilMs >= 0 ? untilMs : undefined
}

function objectIn(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(json)
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A copy: a slice would keep the whole answer in memory. */
function textIn(
  members: Readonly<Record<string, unknown>>,
  name: string,
  maxCharacters = MAX_TEXT_CHARACTERS,
): string | undefined {
  const value = members[name]
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? startOf(value, maxCharacters) : undefined
}
