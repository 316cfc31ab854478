/** Answers as AWS IoT Analytics gives them: JSON, with the name of an error in a header. */
import { randomUUID } from 'node:crypto'
import { printable, startOf } from '../shown-text.ts'

export interface ServiceAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const MAX_TEXT_CHARACTERS = 1_000

const STATUS = {
  AccessDeniedException: 403,
  IncompleteSignatureException: 403,
  InternalFailureException: 500,
  InvalidRequestException: 400,
  InvalidSignatureException: 403,
  LimitExceededException: 410,
  LoopDetectedException: 508,
  MissingAuthenticationTokenException: 403,
  RequestEntityTooLargeException: 413,
  ResourceAlreadyExistsException: 409,
  ResourceNotFoundException: 404,
  ServiceUnavailableException: 503,
  ThrottlingException: 429,
  UnrecognizedClientException: 403,
  UnsupportedOperationException: 501,
} as const satisfies Readonly<Record<string, number>>

export type ExceptionName = keyof typeof STATUS

interface ExceptionDetails {
  readonly retryAfterSeconds?: number
  /** Members of the answer beside `message`. */
  readonly members?: Readonly<Record<string, string>>
}

/** A request that can't be served, with the answer to it. */
export class ServiceException extends Error {
  override readonly name: ExceptionName
  readonly details: ExceptionDetails

  constructor(name: ExceptionName, message: string, details: ExceptionDetails = {}) {
    super(message)
    this.name = name
    this.details = details
  }

  get status(): number {
    return STATUS[this.name]
  }
}

/** Without a value, the answer has no body. */
export function serviceAnswer(status: number, value?: object): ServiceAnswer {
  if (value === undefined) return { status, headers: requestId(), body: '' }
  return { status, headers: jsonHeaders(), body: JSON.stringify(value) }
}

export function exceptionAnswer(exception: ServiceException): ServiceAnswer {
  const { name, status, message, details } = exception
  const { retryAfterSeconds, members } = details
  const retry = retryAfterSeconds === undefined ? {} : { 'retry-after': `${retryAfterSeconds}` }
  return {
    status,
    headers: { ...jsonHeaders(), 'x-amzn-errortype': name, ...retry },
    body: JSON.stringify({ message: shownText(message), ...members }),
  }
}

/** Short, and without characters that steer a terminal. */
export function shownText(text: string): string {
  return printable(startOf(text, MAX_TEXT_CHARACTERS))
}

function jsonHeaders() {
  return { 'content-type': 'application/json', ...requestId() }
}

function requestId() {
  return { 'x-amzn-requestid': randomUUID() }
}
