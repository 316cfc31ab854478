/**
 * Sends spans to an OTLP/HTTP receiver, as JSON, some seconds after they ended. It never delays the
 * pipeline: at most `MAX_WAITING` spans wait, and those that find no room or can't be sent are
 * dropped and counted.
 */
import type { Clock, Timer } from '../../clock.ts'
import { messageOf } from '../../errors.ts'
import type { TraceOptions } from '../options.ts'
import { exportRequest, type Span } from './span.ts'

export interface SpanExporterOptions {
  readonly options: TraceOptions
  readonly version: string
  readonly clock: Clock
  readonly onDropped: (spans: number, reason: string) => void
}

const MAX_WAITING = 2_048
const MAX_SENT = 512
const INTERVAL_MS = 5_000
const TIMEOUT_MS = 10_000
/** At the end, the receiver may not be there any more. */
const LAST_TIMEOUT_MS = 1_000

export class SpanExporter {
  readonly #options: SpanExporterOptions
  readonly #waiting: Span[] = []
  #withoutRoom = 0
  #timer: Timer | undefined
  #sending: Promise<void> | undefined
  #isClosed = false

  constructor(options: SpanExporterOptions) {
    this.#options = options
  }

  /** Never throws and never waits. */
  add(...spans: readonly Span[]): void {
    if (this.#isClosed) return
    if (this.#waiting.length + spans.length > MAX_WAITING) {
      this.#withoutRoom += spans.length
      return
    }
    this.#waiting.push(...spans)
    this.#timer ??= this.#options.clock.after(INTERVAL_MS, () => this.#begin())
  }

  /** Sends what waits, within a second. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    const lastly = AbortSignal.timeout(LAST_TIMEOUT_MS)
    await Promise.race([this.#sending, new Promise((resolve) => ended(lastly, resolve))])
    await this.#sendAll(lastly)
  }

  #begin(): void {
    this.#timer = undefined
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
  }

  /** @param lastly when it has to end; otherwise each request has its own time */
  async #sendAll(lastly?: AbortSignal): Promise<void> {
    if (this.#withoutRoom > 0) this.#dropped(this.#withoutRoom, 'more came than could be sent')
    this.#withoutRoom = 0
    while (this.#waiting.length > 0) {
      const spans = this.#waiting.splice(0, MAX_SENT)
      const problem = await this.#send(spans, lastly ?? AbortSignal.timeout(TIMEOUT_MS))
      if (problem !== undefined) this.#dropped(spans.length, problem)
    }
  }

  async #send(spans: readonly Span[], signal: AbortSignal): Promise<string | undefined> {
    const { options, version } = this.#options
    const { url, headers, resource } = options
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: exportRequest(spans, resource, version),
        redirect: 'error',
        signal,
      })
      await response.body?.cancel()
      return response.ok ? undefined : `${url} answered ${response.status}`
    } catch (thrown) {
      const cause = thrown instanceof Error ? thrown.cause : undefined
      return `${url}: ${messageOf(cause ?? thrown)}`
    }
  }

  #dropped(spans: number, reason: string): void {
    this.#options.onDropped(spans, reason)
  }
}

function ended(signal: AbortSignal, call: (event: unknown) => void): void {
  if (signal.aborted) call(undefined)
  else signal.addEventListener('abort', call, { once: true })
}
