/** Answers as AWS IoT Analytics gives them: JSON, with the name of an error in a header. */
import { randomUUID } from 'node:crypto'
import { printable, startOf } from '../../shown-text.ts'

export interface ServiceAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** `batchPutMessageErrorEntries` of an answer: a message that was not stored. */
export interface ErrorEntry {
  readonly messageId: string
  readonly errorCode: string
  readonly errorMessage: string
}

const MAX_TEXT_CHARACTERS = 1_000
const NOTHING_REFUSED = '{"batchPutMessageErrorEntries":[]}'

export type ExceptionName =
  | 'AccessDeniedException'
  | 'IncompleteSignatureException'
  | 'InvalidRequestException'
  | 'InvalidSignatureException'
  | 'LoopDetectedException'
  | 'MissingAuthenticationTokenException'
  | 'RequestEntityTooLargeException'
  | 'ResourceNotFoundException'
  | 'ServiceUnavailableException'
  | 'ThrottlingException'
  | 'UnrecognizedClientException'

const STATUS: Readonly<Record<ExceptionName, number>> = {
  AccessDeniedException: 403,
  IncompleteSignatureException: 403,
  InvalidRequestException: 400,
  InvalidSignatureException: 403,
  LoopDetectedException: 508,
  MissingAuthenticationTokenException: 403,
  RequestEntityTooLargeException: 413,
  ResourceNotFoundException: 404,
  ServiceUnavailableException: 503,
  ThrottlingException: 429,
  UnrecognizedClientException: 403,
}

/** A request that can't be served, with the answer to it. */
export class ServiceException extends Error {
  override readonly name: ExceptionName
  readonly retryAfterSeconds: number | undefined

  constructor(name: ExceptionName, message: string, retryAfterSeconds?: number) {
    super(message)
    this.name = name
    this.retryAfterSeconds = retryAfterSeconds
  }

  get status(): number {
    return STATUS[this.name]
  }
}

export function answerOf(entries: readonly ErrorEntry[]): ServiceAnswer {
  const body =
    entries.length === 0
      ? NOTHING_REFUSED
      : JSON.stringify({ batchPutMessageErrorEntries: entries.map(shownEntry) })
  return { status: 200, headers: headers(), body }
}

export function exceptionAnswer(exception: ServiceException): ServiceAnswer {
  const { name, status, message, retryAfterSeconds } = exception
  const retry = retryAfterSeconds === undefined ? {} : { 'retry-after': `${retryAfterSeconds}` }
  return {
    status,
    headers: { ...headers(), 'x-amzn-errortype': name, ...retry },
    body: JSON.stringify({ message: shownText(message) }),
  }
}

function shownEntry({ messageId, errorCode, errorMessage }: ErrorEntry): ErrorEntry {
  return { messageId, errorCode, errorMessage: shownText(errorMessage) }
}

function shownText(text: string): string {
  return printable(startOf(text, MAX_TEXT_CHARACTERS))
}

function headers() {
  return { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() }
}
