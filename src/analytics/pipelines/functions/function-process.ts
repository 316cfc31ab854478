/**
 * One function, in a process of its own that is started when it is called and ends when it is no
 * longer used. Calls are made one after the other. A process that crashes or answers too late is
 * started again by a later call, after a delay that grows while that goes on: the messages wait
 * meanwhile, and are not failed one batch after the other.
 */
import type { Clock, Timer } from '../../../clock.ts'
import { SerialQueue } from '../../../serial-queue.ts'
import { JsonWriter, parseJson } from '../json/exact-json.ts'
import { isJsonObject, type JsonValue } from '../json/json-value.ts'
import { LineProcess } from './line-process.ts'

export interface FunctionProcessOptions {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>> | undefined
  readonly timeoutMs: number
  /** How long the process stays without calls. */
  readonly idleMs: number
  readonly clock: Clock
  readonly onLog: (line: string) => void
}

/** What AWS allows for an event and for an answer. */
const MAX_BYTES = 6 * 1024 * 1024
const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 30_000
/** How long a process may take to end after its last call. */
const GRACE_MS = 2_000

export class FunctionProcess {
  readonly #options: FunctionProcessOptions
  readonly #calls = new SerialQueue()
  #isClosed = false
  /** Ends the delay before a start. */
  #endDelay: () => void = () => undefined
  #process: LineProcess | undefined
  #idleTimer: Timer | undefined
  /** Starts in a row that led to no answer. */
  #failures = 0
  #failedAt = 0

  constructor(options: FunctionProcessOptions) {
    this.#options = options
  }

  /** @throws {Error} if the function fails or takes too long, or the event is too large */
  async invoke(event: readonly JsonValue[], maxMs = Number.POSITIVE_INFINITY): Promise<JsonValue> {
    const text = new JsonWriter().text([...event])
    if (Buffer.byteLength(text) > MAX_BYTES) {
      throw new Error(`expected events of at most ${MAX_BYTES} bytes; lower batchSize`)
    }
    const { clock } = this.#options
    const until = clock.monotonic() + maxMs
    const call = this.#calls.run(() => this.#invoke(text, until))
    if (maxMs === Number.POSITIVE_INFINITY) return call
    return within(call, clock, maxMs)
  }

  /** A call that is being made fails. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#endDelay()
    this.#idleTimer?.cancel()
    this.#process?.kill()
    await this.#calls.run(async () => this.#process?.ended)
  }

  async #invoke(event: string, until: number): Promise<JsonValue> {
    const { clock, timeoutMs, idleMs } = this.#options
    await this.#restartDelay()
    if (this.#isClosed) throw new Error('the connector is stopping')
    const leftMs = until - clock.monotonic()
    if (leftMs <= 0) throw new Error('nobody waits for the answer any more')
    this.#idleTimer?.cancel()
    const answer = await this.#exchange(event, Math.min(timeoutMs, leftMs))
    this.#idleTimer = clock.after(idleMs, () => this.#end())
    return resultOf(answer)
  }

  async #exchange(event: string, timeoutMs: number): Promise<Buffer> {
    try {
      const answer = await this.#running().exchange(event, timeoutMs)
      this.#failures = 0
      return answer
    } catch (thrown) {
      this.#failures++
      this.#failedAt = this.#options.clock.monotonic()
      throw thrown
    }
  }

  #running(): LineProcess {
    if (this.#process === undefined || this.#process.hasEnded) {
      this.#process = LineProcess.start({ ...this.#options, maxAnswerBytes: MAX_BYTES })
    }
    return this.#process
  }

  async #restartDelay(): Promise<void> {
    if (this.#failures === 0) return
    const { clock } = this.#options
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (this.#failures - 1), MAX_DELAY_MS)
    const leftMs = this.#failedAt + delayMs - clock.monotonic()
    if (leftMs <= 0 || this.#isClosed) return
    await new Promise<void>((resolve) => {
      const timer = clock.after(leftMs, resolve)
      this.#endDelay = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  /** It may still do something after its last answer, such as closing files. */
  #end(): void {
    const process = this.#process
    this.#process = undefined
    if (process === undefined) return
    process.endInput()
    const timer = this.#options.clock.after(GRACE_MS, () => process.kill())
    void process.ended.then(() => timer.cancel())
  }
}

/** The call goes on, and nobody waits for it. @throws {Error} if it takes too long */
function within<Result>(call: Promise<Result>, clock: Clock, ms: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no answer within ${Math.round(ms)} ms`))
    const timer = clock.after(Math.max(0, ms), late)
    void call.then(resolve, reject).finally(() => timer.cancel())
  })
}

/** @throws {Error} with the message of `{"error": "…"}` */
function resultOf(answer: Buffer): JsonValue {
  const result = parseJson(answer)
  if (result === undefined) throw new Error('its answer is no JSON')
  if (isJsonObject(result) && typeof result['error'] === 'string') throw new Error(result['error'])
  return result
}
