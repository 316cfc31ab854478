/**
 * Stands between a destination and moto's Kinesis or Firehose, and fails as the real services do:
 * moto itself never throttles, and never fails in part.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cleanup } from '../servers/server-process.ts'
import { ConnectionNumbers } from './connection-numbers.ts'

export interface GateRecord {
  readonly Data: string
  readonly PartitionKey?: string
}

export interface GateRequest {
  readonly operation: string
  readonly headers: IncomingMessage['headers']
  readonly body: Readonly<Record<string, unknown>> & { readonly Records?: readonly GateRecord[] }
  /** When it came, in ms since 1970. */
  readonly at: number
  readonly connection: number
}

interface ServiceError {
  readonly code: string
  readonly message: string
}

interface Failure extends ServiceError {
  readonly status: number
}

const FAULTS = {
  fail: { status: 500, code: 'InternalFailure', message: 'The service has failed.' },
  deny: {
    status: 400,
    code: 'UnrecognizedClientException',
    message: 'The security token included in the request is invalid.',
  },
  forbid: {
    status: 400,
    code: 'AccessDeniedException',
    message: 'User: arn:aws:iam::123456789012:user/press is not authorized.',
  },
  miss: {
    status: 400,
    code: 'ResourceNotFoundException',
    message: 'Stream plant under account 123456789012 not found.',
  },
} as const

type Fault = keyof typeof FAULTS | 'hang' | 'lose-answers'

export class RecordsGate {
  /** Requests that put records, in the order in which they came. */
  readonly puts: GateRequest[] = []
  /** Fails single records by what it returns for them, also in part of their requests. */
  failing: (record: GateRecord, putNumber: number) => ServiceError | undefined = () => undefined
  /** Fails a whole request by what it returns. */
  refusing: (request: GateRequest, putNumber: number) => Failure | undefined = () => undefined
  fault: Fault | undefined
  delayMs = 0
  /** Is called with records that moto has stored. */
  onStored: (records: readonly GateRecord[], request: GateRequest) => void = () => {}
  /** In descriptions, in place of ACTIVE. */
  status: string | undefined
  /** Changes answers of requests that put records. */
  rewrite: (answer: Record<string, unknown>) => unknown = (answer) => answer
  readonly #connections = new ConnectionNumbers()
  readonly #peerUrl: string
  readonly #server: Server
  #forwarded: Promise<unknown> = Promise.resolve()
  #onReached: (() => void) | undefined
  #wasReached = false

  private constructor(peerUrl: string) {
    this.#peerUrl = peerUrl
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    })
  }

  static async start(t: Cleanup, peerUrl: string): Promise<RecordsGate> {
    const gate = new RecordsGate(peerUrl)
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      gate.#server.closeAllConnections()
      gate.#server.close()
    })
    return gate
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  set(fault: Fault | undefined): void {
    this.fault = fault
    this.#wasReached = false
  }

  /** Resolves once a request has come since the last `set`. */
  async reached(): Promise<void> {
    if (this.#wasReached) return
    await new Promise<void>((resolve) => {
      this.#onReached = resolve
    })
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await bodyOf(incoming)
    this.#wasReached = true
    this.#onReached?.()
    const body = JSON.parse(text)
    const operation = String(incoming.headers['x-amz-target']).split('.')[1] ?? ''
    const connection = this.#connections.of(incoming.socket)
    const { headers } = incoming
    const request: GateRequest = { operation, headers, body, at: Date.now(), connection }
    await delay(this.delayMs)
    if (this.fault === 'hang') return
    if (this.fault !== undefined && this.fault !== 'lose-answers') {
      return fail(response, FAULTS[this.fault])
    }
    if (request.body.Records === undefined) {
      return pass(await this.#forward(request, text), response, this.status)
    }
    this.puts.push(request)
    const refused = this.refusing(request, this.puts.length)
    if (refused !== undefined) return fail(response, refused)
    const answer = await this.#put(request, request.body.Records)
    if (answer instanceof Response) return pass(answer, response)
    if (this.fault === 'lose-answers') {
      response.destroy()
      return
    }
    send(response, 200, this.rewrite(answer))
  }

  /** Lets the records through that do not fail, and puts the answers together by position. */
  async #put(
    request: GateRequest,
    records: readonly GateRecord[],
  ): Promise<Record<string, unknown> | Response> {
    const isKinesis = request.operation === 'PutRecords'
    const errors = records.map((record) => this.failing(record, this.puts.length))
    const passed = records.filter((_, at) => errors[at] === undefined)
    const stored: unknown[] = []
    if (passed.length > 0) {
      const body = JSON.stringify({ ...request.body, Records: passed })
      const given = await this.#forward(request, body)
      if (!given.ok) return given
      this.onStored(passed, request)
      const answer = JSON.parse(await given.text())
      stored.push(...answer[isKinesis ? 'Records' : 'RequestResponses'])
    }
    const entries = errors.map((error) =>
      error === undefined ? stored.shift() : { ErrorCode: error.code, ErrorMessage: error.message },
    )
    const failed = records.length - passed.length
    return isKinesis
      ? { FailedRecordCount: failed, Records: entries }
      : { FailedPutCount: failed, Encrypted: false, RequestResponses: entries }
  }

  /** One at a time: moto loses records of requests that come at once. */
  #forward({ headers }: GateRequest, body: string): Promise<Response> {
    const names = ['authorization', 'content-type', 'x-amz-target', 'x-amz-date']
    const kept = names.map((name) => [name, String(headers[name] ?? '')])
    const given = Object.fromEntries(kept.filter(([, value]) => value !== ''))
    const answer = this.#forwarded.then(() =>
      fetch(this.#peerUrl, { method: 'POST', headers: given, body }),
    )
    this.#forwarded = answer.catch(() => undefined)
    return answer
  }
}

export function textOf({ Data }: GateRecord): string {
  return Buffer.from(Data, 'base64').toString()
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function pass(answer: Response, response: ServerResponse, status = 'ACTIVE'): Promise<void> {
  const text = (await answer.text()).replace('"ACTIVE"', `"${status}"`)
  send(response, answer.status, JSON.parse(text))
}

function fail(response: ServerResponse, { status, code, message }: Failure): void {
  response.setHeader('x-amzn-errortype', code)
  send(response, status, { __type: code, message })
}

function send(response: ServerResponse, status: number, answer: unknown): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
  response.end(JSON.stringify(answer))
}
