/**
 * One request and what comes of it, within a time. Settles once, whatever happens to the connection
 * later: with an answer, with an error, at the end of its time, or when the caller calls it off.
 */
import type { Clock, Timer } from '../../../clock.ts'
import type { CalledOff, Cancellable } from './called-off.ts'

/** A request, head and body, as it is written. */
export interface Request {
  readonly bytes: Buffer
  /** The bytes are not needed any more: the next request may be written over them. */
  release(): void
}

/** An answer, its body read as far as it is allowed to be long. */
export interface Answer {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: string
  /** The body went on, or broke off, after what was read of it. */
  readonly isCut: boolean
}

/** Who has an exchange, waiting or under way, and is told when it has to let go of it. */
export interface ExchangeHolder {
  drop(exchange: Exchange): void
}

export interface ExchangeOptions {
  /** Called when there is a connection to write the request to. May throw. */
  readonly makeRequest: () => Request
  /** From here to the last byte of the answer. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly calledOff: CalledOff
  readonly resolve: (answer: Answer) => void
  readonly reject: (reason: unknown) => void
}

export class Exchange implements Cancellable {
  readonly #options: ExchangeOptions
  #timer: Timer | undefined
  #isSettled = false
  /** Undefined when nobody needs to be told. */
  holder: ExchangeHolder | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  begin(): void {
    const { clock, timeoutMs, signal, calledOff } = this.#options
    this.#timer = clock.after(timeoutMs, () => this.fail(timeoutError(timeoutMs)))
    if (signal.aborted) this.calledOff(signal.reason)
    else calledOff.watch(signal, this)
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  makeRequest(): Request {
    return this.#options.makeRequest()
  }

  calledOff(reason: unknown): void {
    this.fail(reason instanceof Error ? reason : new Error(String(reason)))
  }

  answer(answer: Answer): void {
    if (this.#settle()) this.#options.resolve(answer)
  }

  fail(error: unknown): void {
    if (this.#settle()) this.#options.reject(error)
  }

  /** False when it had been settled before. */
  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.#timer?.cancel()
    this.#options.calledOff.forget(this.#options.signal, this)
    this.holder?.drop(this)
    this.holder = undefined
    return true
  }
}

function timeoutError(timeoutMs: number): Error {
  const error = new Error(`no answer within ${timeoutMs} ms`)
  error.name = 'TimeoutError'
  return error
}
