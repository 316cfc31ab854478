/**
 * What the answer to a request with messages means.
 *
 *  - `accepted`: the messages are stored.
 *  - `content`: nothing is stored, because of what the messages contain.
 *  - `retry`: the same request may be accepted later.
 *  - `denied`: credentials or permissions are wrong, which an operator can change.
 *  - `missing`: there is nothing at this address, or no such database.
 *  - `unavailable`: somebody else than the service has answered, or it does not take such requests.
 */

export type AnswerKind = 'accepted' | 'content' | 'retry' | 'denied' | 'missing' | 'unavailable'

/** What is needed of an answer. */
export interface AnswerSigns {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: string
}

const CONTENT_STATUSES: ReadonlySet<number> = new Set([400, 413, 422])
/** 409: a request with the same idempotency key is under way. */
const RETRY_STATUSES: ReadonlySet<number> = new Set([408, 409, 425, 429])
const DENIED_STATUSES: ReadonlySet<number> = new Set([401, 403, 407])
const MISSING_STATUSES: ReadonlySet<number> = new Set([404, 410])

export function answerKindOf(answer: AnswerSigns): AnswerKind {
  const { status } = answer
  if (status >= 200 && status < 300) return 'accepted'
  if (status >= 500 || RETRY_STATUSES.has(status)) return 'retry'
  if (DENIED_STATUSES.has(status)) return 'denied'
  if (MISSING_STATUSES.has(status)) return 'missing'
  if (!CONTENT_STATUSES.has(status)) return 'unavailable'
  // A page for people comes from a proxy or a wrong port. Only the length of a body may be what a
  // proxy refuses.
  return isPage(answer) && status !== 413 ? 'unavailable' : 'content'
}

/** Whether the body is HTML. */
export function isPage({ header, body }: AnswerSigns): boolean {
  return (header('content-type') ?? '').includes('html') || /^\s*</.test(body)
}

/** RFC 9110, 5.6.7; Date.parse alone takes -1 for a month. */
const HTTP_DATE = /^[A-Za-z]{3,9},? .* GMT$/

/** `retry-after` in milliseconds, from seconds or a date; undefined if it has neither. */
export function retryAfterMsOf({ header }: AnswerSigns, now: number): number | undefined {
  const given = header('retry-after')?.trim()
  if (given === undefined || given === '') return undefined
  if (/^\d{1,9}(\.\d+)?$/.test(given)) return Number(given) * 1_000
  const time = HTTP_DATE.test(given) ? Date.parse(given) : Number.NaN
  if (Number.isNaN(time)) return undefined
  // By the server's clock, if it says what time it has.
  const serverTime = Date.parse(header('date') ?? '')
  return Math.max(0, time - (Number.isNaN(serverTime) ? now : serverTime))
}
