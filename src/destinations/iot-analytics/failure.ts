/**
 * What a failed attempt means: whether the call is tried again at once, kept for later, or refused.
 * Judged by status as well as by name, for proxies answer without names and services with the
 * wrong status. Lists and order are those of the AWS SDK for JavaScript v3 (standard retry mode).
 */

/**
 *  - `throttling`, `transient`: tried again within the call, as the SDK does.
 *  - `expired`: tried again within the call, with other credentials.
 *  - `skewed`: the service's clock differs from ours by `skewMs`; tried again with its time.
 *  - `unavailable`: not worth another attempt now; the batch is kept.
 *  - `refused`: never to be sent again.
 */
export type FailureKind =
  | 'throttling'
  | 'transient'
  | 'expired'
  | 'skewed'
  | 'unavailable'
  | 'refused'

export interface Failure {
  readonly kind: FailureKind
  /** The service's name for it (`ResourceNotFoundException`), if it gave one. */
  readonly name: string | undefined
  readonly message: string
  /** How long the service asks to wait; undefined when it does not say. */
  readonly retryAfterMs: number | undefined
  /** How far the service's clock is ahead of the time signed for; undefined when not known. */
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

/** Faults of the service, whatever the status beside them. */
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

/** Say that the time of the request was wrong and nothing else. */
const CLOCK_NAMES: ReadonlySet<string> = new Set([
  'RequestExpired',
  'RequestInTheFuture',
  'RequestTimeTooSkewed',
])

/** May come from a wrong clock; the service's time tells. */
const PERHAPS_CLOCK_NAMES: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'AuthFailure',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
])

const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([500, 502, 503, 504])

/** Not client errors in spite of their first digit: the same request may succeed later. */
const LATER_STATUSES: ReadonlySet<number> = new Set([408, 425])

/** From this difference on a clock counts as wrong: the SDK's bound, below the service's 5 minutes. */
const SKEW_MS = 240_000

/**
 * @param skewMs how far the service's time was from the one the request was signed for; undefined
 *   when not known
 */
export function kindOf(
  status: number,
  name: string | undefined,
  skewMs: number | undefined,
): FailureKind {
  if (name !== undefined) {
    const named = kindOfName(name)
    if (named !== undefined) return named
    if (CLOCK_NAMES.has(name)) return isSkewed(skewMs) ? 'skewed' : 'unavailable'
    if (PERHAPS_CLOCK_NAMES.has(name) && isSkewed(skewMs)) return 'skewed'
  }
  if (status === 429) return 'throttling'
  if (TRANSIENT_STATUSES.has(status)) return 'transient'
  if (status >= 400 && status < 500 && !LATER_STATUSES.has(status)) return 'refused'
  // Other 5xx; and redirects, which a signed request can't follow and a captive portal sends.
  return 'unavailable'
}

function isSkewed(skewMs: number | undefined): boolean {
  return skewMs !== undefined && Math.abs(skewMs) >= SKEW_MS
}

/** Whether the error code of one message means that it may succeed later. Codes may be statuses. */
export function isRetryableCode(code: string): boolean {
  if (/^\d{3}$/.test(code)) return kindOf(Number(code), undefined, undefined) !== 'refused'
  return kindOfName(code) !== undefined
}

/** Undefined when the name alone does not tell, which means refused unless the status says more. */
function kindOfName(name: string): FailureKind | undefined {
  if (THROTTLING_NAMES.has(name)) return 'throttling'
  if (TRANSIENT_NAMES.has(name) || SERVER_FAULT_NAMES.has(name)) return 'transient'
  if (EXPIRED_NAMES.has(name)) return 'expired'
  return undefined
}
