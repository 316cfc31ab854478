/** Answers that a test can make a FakeIotAnalytics give instead of its own. */
import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { resetSocket } from '../servers/reset-socket.ts'

export interface FakeMessage {
  readonly messageId: string
  readonly payload: Buffer
}

export interface FakeErrorEntry {
  readonly messageId?: string | undefined
  readonly errorCode?: string | undefined
  readonly errorMessage?: string | undefined
}

/** A well-formed call with a valid signature. */
export interface FakeCall {
  readonly channel: string
  readonly messages: readonly FakeMessage[]
  /** Accepts messages, all or the given ones, as the service would: they count as received. */
  accept(wanted?: (message: FakeMessage) => boolean): void
}

export type FakeAnswer = (call: FakeCall, response: ServerResponse) => void

/** Every exception AWS documents for the API, and the common ones, with their statuses. */
export const EXCEPTION_STATUSES = {
  InvalidRequestException: 400,
  ResourceNotFoundException: 404,
  ThrottlingException: 429,
  InternalFailureException: 500,
  ServiceUnavailableException: 503,
  ResourceAlreadyExistsException: 409,
  LimitExceededException: 410,
  AccessDeniedException: 403,
  ExpiredTokenException: 403,
  UnrecognizedClientException: 403,
  InvalidSignatureException: 403,
  IncompleteSignatureException: 403,
  MissingAuthenticationTokenException: 403,
  RequestTimeTooSkewed: 403,
  RequestExpired: 400,
} as const satisfies Record<string, number>

export type FakeException = keyof typeof EXCEPTION_STATUSES

interface Details {
  readonly message?: string
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Where the name is. All three places occur. */
  readonly named?: 'header' | '__type' | 'code' | 'nowhere'
}

export function exception(name: FakeException, details: Details = {}): FakeAnswer {
  return (_call, response) => {
    const { message = `${name}, says the fake`, named = 'header' } = details
    const header = { 'x-amzn-errortype': `${name}:http://internal.amazon.com/coral/` }
    const member = { __type: `com.amazonaws.iotanalytics#${name}`, code: name }
    response.writeHead(details.status ?? EXCEPTION_STATUSES[name], {
      'content-type': 'application/json',
      ...(named === 'header' ? header : {}),
      ...details.headers,
    })
    const body =
      named === '__type' || named === 'code' ? { [named]: member[named], message } : { message }
    response.end(JSON.stringify(body))
  }
}

/** An arbitrary answer, as a proxy between the service and us may give. */
export function plain(
  status: number,
  body = '',
  headers: Readonly<Record<string, string>> = {},
): FakeAnswer {
  return (_call, response) => response.writeHead(status, headers).end(body)
}

export function html(status: number): FakeAnswer {
  return plain(
    status,
    `<html><head><title>${status}</title></head><body>from a proxy</body></html>`,
    {
      'content-type': 'text/html',
    },
  )
}

/** Error entries for some messages; the others are accepted. */
export function refusing(
  entryOf: (message: FakeMessage) => FakeErrorEntry | undefined,
): FakeAnswer {
  return (call, response) => {
    const entries = call.messages.flatMap((message) => entryOf(message) ?? [])
    call.accept((message) => entryOf(message) === undefined)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ batchPutMessageErrorEntries: entries }))
  }
}

export function reset(): FakeAnswer {
  return (_call, response) => resetSocket(response.socket)
}

/** The messages are stored, and the answer is lost. */
export function acceptedThenReset(): FakeAnswer {
  return (call, response) => {
    call.accept()
    resetSocket(response.socket)
  }
}

/** Accepts all messages, after a while. */
export function late(delayMs: number): FakeAnswer {
  return (call, response) => {
    setTimeout(() => refusing(() => undefined)(call, response), delayMs)
  }
}

/** Never answers. */
export function silence(): FakeAnswer {
  return () => {}
}

/** Sends the status at once, and then nothing or a byte now and then. */
export function slowBody(status: number, everyMs: number): FakeAnswer {
  return (_call, response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.flushHeaders()
    void drip(response, everyMs)
  }
}

/** Closes the connection before the body is complete. */
export function cutBody(status: number, body: string): FakeAnswer {
  return (_call, response) => {
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': String(body.length + 100),
    })
    response.write(body, () => response.socket?.destroy())
  }
}

/** A body that does not end. */
export function endlessBody(status: number): FakeAnswer {
  return (_call, response) => {
    response.writeHead(status, { 'content-type': 'text/html' })
    const chunk = Buffer.alloc(65_536, 'x')
    const pour = () => {
      while (!response.destroyed && response.write(chunk));
    }
    response.on('drain', pour)
    pour()
  }
}

async function drip(response: ServerResponse, everyMs: number): Promise<void> {
  while (!response.destroyed) {
    response.write(' ')
    await delay(everyMs, undefined, { ref: false })
  }
}
