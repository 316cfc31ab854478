/**
 * One request and its result, within a time limit. It settles once, whatever happens to the
 * connection later: with an answer, with an error, with a timeout, or when the caller cancels it.
 */
import type { Clock, Timer } from '../../clock.ts'
import type { AbortListeners, Cancellable } from './abort-listeners.ts'

/** A request, head and body, as it is written to the socket. */
export interface Request {
  readonly bytes: Buffer
  /** What comes after `bytes`, if that is in another buffer. */
  readonly body?: Buffer
  /** The bytes are no longer needed: the next request may overwrite them. */
  release(): void
  /** Its answer has no body, whatever the answer's head says. */
  readonly isHead?: boolean
  /** The rest of the body, for one that is too large for memory. The head has the whole length. */
  readonly rest?: AsyncIterable<Buffer>
}

/** An answer, with its body up to the maximum length. */
export interface Answer {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: string
  /** The body was longer than the maximum, or was cut off. */
  readonly isCut: boolean
}

/** Holds an exchange that waits or is under way. */
export interface ExchangeHolder {
  /** The exchange has settled and must be let go. */
  drop(exchange: Exchange): void
}

export interface ExchangeOptions {
  /** Called once there is a connection to write the request to. May throw. */
  readonly makeRequest: () => Request
  /** From `begin` to the last byte of the answer. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly abortListeners: AbortListeners
  readonly resolve: (answer: Answer) => void
  readonly reject: (reason: unknown) => void
}

export class Exchange implements Cancellable {
  readonly #options: ExchangeOptions
  #timer: Timer | undefined
  #isSettled = false
  /** Undefined while nothing holds it. */
  holder: ExchangeHolder | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  begin(): void {
    const { signal, abortListeners } = this.#options
    this.progressed()
    if (signal.aborted) this.cancel(signal.reason)
    else abortListeners.watch(signal, this)
  }

  /** The peer has taken a piece of its body, or of one it waits behind: the time begins again. */
  progressed(): void {
    if (this.#isSettled) return
    const { clock, timeoutMs } = this.#options
    this.#timer?.cancel()
    this.#timer = clock.after(timeoutMs, () => this.#timeIsOver(timeoutMs))
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  makeRequest(): Request {
    return this.#options.makeRequest()
  }

  cancel(reason: unknown): void {
    this.fail(reason instanceof Error ? reason : new Error(String(reason)))
  }

  answer(answer: Answer): void {
    if (this.#settle()) this.#options.resolve(answer)
  }

  fail(error: unknown): void {
    if (this.#settle()) this.#options.reject(error)
  }

  /**
   * A process that was held up or suspended calls its timers before it reads its sockets: an answer
   * that is there already is read first.
   */
  #timeIsOver(timeoutMs: number): void {
    setImmediate(() => this.fail(timeoutError(timeoutMs)))
  }

  /** Returns false if it was settled before. */
  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.#timer?.cancel()
    this.#options.abortListeners.forget(this.#options.signal, this)
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
