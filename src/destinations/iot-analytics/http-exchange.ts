/**
 * One HTTP request and its answer, within a time and a size, over undici's pool.
 *
 * undici lets go of a request only once it has a connection, and measures connecting, headers and
 * body apart. Here one timer covers all of it, and whoever waits is told at once; what undici still
 * holds of the request ends as soon as it can.
 */
import type { Dispatcher, Pool } from 'undici'
import type { Clock, Timer } from '../../clock.ts'
import type { Endpoint } from './endpoint.ts'
import type { Answer } from './response.ts'

/** An answer has at most 100 error entries; anything much longer is not from the service. */
const MAX_ANSWER_BYTES = 1_048_576
/** Idle connections are kept so long, unless the server asks for less. */
const KEEP_ALIVE_MS = 20_000

export interface HttpSenderOptions {
  readonly endpoint: Endpoint
  /** For one request, from here to the last byte of its answer. */
  readonly timeoutMs: number
  readonly maxConnections: number
  readonly clock: Clock
}

export class HttpSender {
  readonly #options: HttpSenderOptions
  #pool: Pool | undefined

  constructor(options: HttpSenderOptions) {
    this.#options = options
  }

  async open(): Promise<void> {
    if (this.#pool !== undefined) return
    const { default: Pool } = await import('undici/lib/dispatcher/pool.js')
    this.#pool ??= new Pool(this.#options.endpoint.origin, {
      connections: this.#options.maxConnections,
      pipelining: 1,
      connect: { timeout: this.#options.timeoutMs },
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  /**
   * Rejects with what went wrong on the wire, with a TimeoutError, or with the signal's reason.
   * @param headers names and values in turn
   */
  post(headers: string[], body: Buffer, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const pool = this.#pool
      if (pool === undefined) throw new Error('the destination is not open')
      const { timeoutMs, clock, endpoint } = this.#options
      const exchange = new Exchange({ timeoutMs, clock, signal, resolve, reject })
      pool.dispatch({ method: 'POST', path: endpoint.path, headers, body }, exchange)
    })
  }

  async close(): Promise<void> {
    const pool = this.#pool
    this.#pool = undefined
    await pool?.destroy()
  }
}

interface ExchangeOptions {
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly resolve: (answer: Answer) => void
  readonly reject: (reason: unknown) => void
}

/** Settles once; whatever undici reports later is let pass. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions
  readonly #timer: Timer
  #controller: Dispatcher.DispatchController | undefined
  #isSettled = false
  /** Why undici is to let go of the request, should it only begin now. */
  #abortReason: Error | undefined
  #status = 0
  #headers: Readonly<Record<string, string | string[] | undefined>> = {}
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#timer = options.clock.after(options.timeoutMs, () => {
      this.#fail(timeoutError(options.timeoutMs))
    })
    options.signal.addEventListener('abort', this)
  }

  /** The caller's signal: this object is its own listener, which spares a closure per request. */
  handleEvent(): void {
    this.#fail(this.#options.signal.reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#abortReason !== undefined) controller.abort(this.#abortReason)
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isSettled) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > MAX_ANSWER_BYTES) this.#cut(new Error('the answer is too long'))
  }

  onResponseEnd(): void {
    if (!this.#isSettled) this.#answer(false)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isSettled) return
    // A refusal whose explanation broke off is still a refusal.
    if (this.#status >= 300) this.#cut(error)
    else this.#fail(error)
  }

  #answer(isCut: boolean): void {
    const headers = this.#headers
    const answer: Answer = {
      status: this.#status,
      header(name) {
        const value = headers[name]
        return typeof value === 'object' ? value[0] : value
      },
      body:
        this.#chunks.length === 1 ? String(this.#chunks[0]) : String(Buffer.concat(this.#chunks)),
      isCut,
    }
    this.#settle()
    this.#options.resolve(answer)
  }

  #cut(reason: Error): void {
    this.#answer(true)
    this.#controller?.abort(reason)
  }

  #fail(reason: unknown): void {
    if (this.#isSettled) return
    const error = reason instanceof Error ? reason : new Error(String(reason))
    this.#abortReason = error
    this.#settle()
    this.#options.reject(error)
    this.#controller?.abort(error)
  }

  #settle(): void {
    this.#isSettled = true
    this.#timer.cancel()
    this.#options.signal.removeEventListener('abort', this)
    this.#chunks = []
  }
}

function timeoutError(timeoutMs: number): Error {
  const error = new Error(`no answer within ${timeoutMs} ms`)
  error.name = 'TimeoutError'
  return error
}
