/**
 * What an answer of a service at AWS says went wrong. Every field of an answer is optional and may
 * have any type; nothing here throws.
 */
import { startOf } from '../../shown-text.ts'
import type { Answer } from '../http-client/http-exchange.ts'
import { type Failure, kindOf } from './failure.ts'

/** The length of the excerpt of an answer in error messages. */
const EXCERPT_CHARACTERS = 200
/** Longer names and messages are cut, because they are sent to every sender of a batch. */
const MAX_TEXT_CHARACTERS = 1_000
export const MAX_NAME_CHARACTERS = 128

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
    status: answer.status,
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

export function objectIn(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(json)
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A copy: a slice would keep the whole answer in memory. */
export function textIn(
  members: Readonly<Record<string, unknown>>,
  name: string,
  maxCharacters = MAX_TEXT_CHARACTERS,
): string | undefined {
  const value = members[name]
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? startOf(value, maxCharacters) : undefined
}
