/**
 * An Intake that keeps what it is given, and commits when the test says so or at once. Which topics
 * have a route and which messages are refused is up to the test.
 */
import { isNotNow } from '../../../src/errors.ts'
import type { Refusal, ReplyTo } from '../../../src/message.ts'
import type { CommitListener, Intake, Outcome, Route } from '../../../src/sources/source.ts'

export interface RecordedMessage {
  readonly topic: string
  readonly payload: Buffer
  readonly reply: ReplyTo | undefined
  readonly cycle: number
}

export interface RecordingIntakeOptions {
  /** Commits a cycle as soon as the current turn of the event loop ends. */
  readonly commitsAtOnce?: boolean
  /** Why a message is refused; undefined takes it. */
  readonly refuse?: (topic: string, payload: Buffer) => Refusal | undefined
  /** Which topics have a route. Default: those under `iotanalytics/`. */
  readonly routes?: (topic: string) => boolean
  /** Of all routes. Default: `binary`. */
  readonly kind?: Route['kind']
}

const FULL: Refusal = { error: 'StorageFull', message: 'no room' }

export class RecordingIntake implements Intake {
  readonly messages: RecordedMessage[] = []
  /** Payloads of refused messages, and of withheld ones each time they were offered. */
  readonly refused: string[] = []
  readonly withheld: string[] = []
  /** Nothing can be stored now. */
  isFull = false
  isSaturated = false
  isCollecting = false
  commitsAtOnce: boolean
  /** Why those were refused that a source could not offer. */
  readonly refusals: Refusal[] = []
  readonly #options: RecordingIntakeOptions
  readonly #route: Route
  readonly #listeners: CommitListener[] = []
  #cycle = 0
  #isScheduled = false
  readonly #waiters: { isSo: () => boolean; resolve: () => void }[] = []

  constructor(options: RecordingIntakeOptions = {}) {
    this.#options = options
    this.#route = { kind: options.kind ?? 'binary' }
    this.commitsAtOnce = options.commitsAtOnce ?? false
  }

  get payloads(): string[] {
    return this.messages.map(({ payload }) => payload.toString())
  }

  route(topic: string): Route | undefined {
    const routes = this.#options.routes ?? ((name) => name.startsWith('iotanalytics/'))
    return routes(topic) ? this.#route : undefined
  }

  refuse(
    _route: Route | undefined,
    _topic: string,
    bytes: Buffer,
    start: number,
    end: number,
    refusal: Refusal,
  ): void {
    this.refusals.push(refusal)
    this.refused.push(bytes.toString('utf8', start, end))
    this.#wake()
  }

  accept(
    _route: Route,
    topic: string,
    bytes: Buffer,
    start: number,
    end: number,
    reply: ReplyTo | undefined,
    mayWithhold: boolean,
  ): Outcome {
    const payload = Buffer.from(bytes.subarray(start, end))
    const refusal = this.#options.refuse?.(topic, payload) ?? (this.isFull ? FULL : undefined)
    if (refusal !== undefined) {
      const isWithheld = mayWithhold && isNotNow(refusal.error)
      const list = isWithheld ? this.withheld : this.refused
      list.push(payload.toString())
      this.#wake()
      return { refusal, isWithheld }
    }
    this.messages.push({ topic, payload, reply, cycle: this.#cycle })
    this.#wake()
    if (this.commitsAtOnce && !this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(() => this.commit())
    }
    return this.#cycle
  }

  listen(listener: CommitListener): void {
    this.#listeners.push(listener)
  }

  /** The current cycle is about to end. */
  close(): boolean {
    this.isCollecting = false
    return this.#listeners.map((listener) => listener.closing?.()).includes(true)
  }

  get openCycle(): number {
    return this.#cycle
  }

  /** Ends the current cycle: everything taken so far is durable. */
  commit(): void {
    this.#isScheduled = false
    this.report(this.#cycle++)
  }

  /** Ends the current cycle: nothing of it could be stored. */
  fail(refusal: Refusal): void {
    this.reportFailed(this.#cycle++, refusal)
  }

  /** Ends the current cycle without reporting it: `report` or `reportFailed` does that later. */
  beginNextCycle(): number {
    return this.#cycle++
  }

  report(cycle: number): void {
    for (const listener of this.#listeners) listener.committed(cycle)
  }

  reportFailed(cycle: number, refusal: Refusal): void {
    for (const listener of this.#listeners) listener.failed(cycle, refusal)
  }

  /** Resolves when `count` messages have been taken since the beginning. */
  async taken(count: number): Promise<void> {
    await this.#until(() => this.messages.length >= count)
  }

  /** Resolves when `count` messages have been refused since the beginning. */
  async refusedTimes(count: number): Promise<void> {
    await this.#until(() => this.refused.length >= count)
  }

  /** Resolves when messages have been offered and withheld `count` times since the beginning. */
  async withheldTimes(count: number): Promise<void> {
    await this.#until(() => this.withheld.length >= count)
  }

  async #until(isSo: () => boolean): Promise<void> {
    if (isSo()) return
    await new Promise<void>((resolve) => this.#waiters.push({ isSo, resolve }))
  }

  #wake(): void {
    for (const { isSo, resolve } of this.#waiters) if (isSo()) resolve()
  }
}
