/**
 * Classifies failed attempts: whether the call is tried again at once, its batch is kept for later,
 * or its messages are rejected. It uses the status as well as the name, because proxies answer
 * without names and services with wrong statuses. Lists and order are those of the AWS SDK for
 * JavaScript v3 (standard retry mode).
 */

/**
 *  - `throttling`, `transient`: tried again within the call, as the SDK does.
 *  - `expired`: tried again within the call, with other credentials.
 *  - `skewed`: the service's clock differs from ours by `skewMs`; tried again with its time.
 *  - `denied`: a permission is missing or the key is wrong, which an operator can change; the batch
 *    is kept.
 *  - `unavailable`: another attempt now would not help; the batch is kept.
 *  - `refused`: never to be sent again.
 */
export type FailureKind =
  | 'throttling'
  | 'transient'
  | 'expired'
  | 'skewed'
  | 'denied'
  | 'unavailable'
  | 'refused'

export interface Failure {
  readonly kind: FailureKind
  /** Undefined if there was no answer. */
  readonly status?: number
  /** The service's name for it (`ResourceNotFoundException`), if it gave one. */
  readonly name: string | undefined
  readonly message: string
  /** How long the service asks us to wait; undefined if it does not say. */
  readonly retryAfterMs: number | undefined
  /** How far the service's clock is ahead of the time signed for; undefined if unknown. */
  readonly skewMs: number | undefined
  readonly cause?: unknown
}

const THROTTLING_NAMES: ReadonlySet<string> = new Set([
  'BandwidthLimitExceeded',
  'EC2ThrottledException',
  'LimitExceededException',
  'PriorRequestNotComplete',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'TransactionInProgressException',
])

const TRANSIENT_NAMES: ReadonlySet<string> = new Set([
  'TimeoutError',
  'RequestTimeout',
  'RequestTimeoutException',
])

/** Faults of the service, whatever the status. */
const SERVER_FAULT_NAMES: ReadonlySet<string> = new Set([
  'InternalError',
  'InternalException',
  'InternalFailure',
  'InternalFailureException',
  'InternalServerError',
  'InternalServerException',
  'InternalServiceError',
  'InternalServiceException',
  'ServiceFailure',
  'ServiceUnavailable',
  'ServiceUnavailableException',
])

const EXPIRED_NAMES: ReadonlySet<string> = new Set(['ExpiredToken', 'ExpiredTokenException'])

/** These names always mean that the time of the request was wrong. */
const CLOCK_NAMES: ReadonlySet<string> = new Set([
  'RequestExpired',
  'RequestInTheFuture',
  'RequestTimeTooSkewed',
])

/** These names may come from a wrong clock; the service's time decides. */
const PERHAPS_CLOCK_NAMES: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'AuthFailure',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
])

/** The key or the signature is wrong: other credentials may be right. */
const KEY_NAMES: ReadonlySet<string> = new Set([
  'AuthFailure',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'InvalidToken',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'NotAuthenticated',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
])

/** The account may not make this call; a policy can change that. */
const PERMISSION_NAMES: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'NotAuthorized',
  'OptInRequired',
  'UnauthorizedOperation',
])

/** Statuses about the caller, not about the messages; 407 comes from a proxy. */
const DENIED_STATUSES: ReadonlySet<number> = new Set([401, 403, 407])

/**
 * Without a name, the service has probably not answered itself: a login page, a proxy, a wrong
 * address. These statuses are still about the request, and the next attempt would send the same.
 */
const UNNAMED_REFUSALS: ReadonlySet<number> = new Set([400, 413, 422])

const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([500, 502, 503, 504])

/** 4xx statuses with which the same request may succeed later. */
const LATER_STATUSES: ReadonlySet<number> = new Set([408, 425])

/**
 * From this difference on a clock counts as wrong. The SDK's bound; the service allows 5 minutes.
 */
const SKEW_MS = 240_000

/** What an answer says of the attempt. */
export interface AnswerSigns {
  readonly status: number
  readonly name: string | undefined
  /** The service's time minus the time signed for; undefined if unknown. */
  readonly skewMs: number | undefined
  /** A page for people. The service never sends one. */
  readonly isHtml: boolean
}

export function kindOf(signs: AnswerSigns): FailureKind {
  const { status, name, skewMs } = signs
  if (name === undefined) return kindOfUnnamed(signs)
  if (CLOCK_NAMES.has(name)) return isSkewed(skewMs) ? 'skewed' : 'unavailable'
  if (PERHAPS_CLOCK_NAMES.has(name) && isSkewed(skewMs)) return 'skewed'
  return kindOfName(name) ?? kindOfStatus(status)
}

function kindOfUnnamed({ status, isHtml }: AnswerSigns): FailureKind {
  const kind = kindOfStatus(status)
  if (kind !== 'refused') return kind
  const isAboutMessages = UNNAMED_REFUSALS.has(status) && (!isHtml || status === 413)
  return isAboutMessages ? 'refused' : 'unavailable'
}

function kindOfStatus(status: number): FailureKind {
  if (status === 429) return 'throttling'
  if (TRANSIENT_STATUSES.has(status)) return 'transient'
  if (DENIED_STATUSES.has(status)) return 'denied'
  if (status >= 400 && status < 500 && !LATER_STATUSES.has(status)) return 'refused'
  // Other 5xx, and redirects: captive portals send them, and a signed request can't follow them.
  return 'unavailable'
}

/** Whether the failure is about the key that signed, so that other credentials may be right. */
export function isAboutKey({ kind, name }: Failure): boolean {
  return kind === 'denied' && name !== undefined && KEY_NAMES.has(name)
}

function isSkewed(skewMs: number | undefined): boolean {
  return skewMs !== undefined && Math.abs(skewMs) >= SKEW_MS
}

/** Whether a message with this error code may succeed later. The code may be a status. */
export function isRetryableCode(code: string): boolean {
  if (/^\d{3}$/.test(code)) return kindOfStatus(Number(code)) !== 'refused'
  return kindOfName(code) !== undefined
}

/**
 * Undefined if the name alone does not decide; then it is refused unless the status says otherwise.
 */
function kindOfName(name: string): FailureKind | undefined {
  if (THROTTLING_NAMES.has(name)) return 'throttling'
  if (TRANSIENT_NAMES.has(name) || SERVER_FAULT_NAMES.has(name)) return 'transient'
  if (EXPIRED_NAMES.has(name)) return 'expired'
  if (KEY_NAMES.has(name) || PERMISSION_NAMES.has(name)) return 'denied'
  return undefined
}
