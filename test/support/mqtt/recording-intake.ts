/**
 * An Intake that keeps what it is given and commits when it is told to, or at once.
 * Topics under `iotanalytics/` have a route; what is refused, and how, is up to the test.
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
  readonly routes?: (topic: string) => boolean
}

const ROUTE: Route = { kind: 'binary' }

export class RecordingIntake implements Intake {
  readonly messages: RecordedMessage[] = []
  /** What was refused for good, and what was withheld each time that it was offered, by payload. */
  readonly refused: string[] = []
  readonly withheld: string[] = []
  isSaturated = false
  isCollecting = false
  readonly #options: RecordingIntakeOptions
  #listener: CommitListener | undefined
  #cycle = 0
  #isScheduled = false
  readonly #waiters: { isSo: () => boolean; resolve: () => void }[] = []

  constructor(options: RecordingIntakeOptions = {}) {
    this.#options = options
  }

  route(topic: string): Route | undefined {
    const routes = this.#options.routes ?? ((name) => name.startsWith('iotanalytics/'))
    return routes(topic) ? ROUTE : undefined
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
    const refusal = this.#options.refuse?.(topic, payload)
    if (refusal !== undefined) {
      const isWithheld = mayWithhold && isNotNow(refusal.error)
      const list = isWithheld ? this.withheld : this.refused
      list.push(payload.toString())
      this.#wake()
      return { refusal, isWithheld }
    }
    this.messages.push({ topic, payload, reply, cycle: this.#cycle })
    this.#wake()
    if (this.#options.commitsAtOnce === true && !this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(() => this.commit())
    }
    return this.#cycle
  }

  listen(listener: CommitListener): void {
    this.#listener = listener
  }

  /** The current cycle is about to end. */
  close(): boolean {
    this.isCollecting = false
    return this.#listener?.closing?.() ?? false
  }

  get openCycle(): number {
    return this.#cycle
  }

  /** Ends the current cycle: everything taken so far is durable. */
  commit(): void {
    this.#isScheduled = false
    this.#listener?.committed(this.#cycle++)
  }

  /** Ends the current cycle: nothing of it could be stored. */
  fail(refusal: Refusal): void {
    this.#listener?.failed(this.#cycle++, refusal)
  }

  /** Ends the current cycle without a word: it is reported later with `report`. */
  beginNextCycle(): number {
    return this.#cycle++
  }

  report(cycle: number): void {
    this.#listener?.committed(cycle)
  }

  reportFailed(cycle: number, refusal: Refusal): void {
    this.#listener?.failed(cycle, refusal)
  }

  /** Resolves when `count` messages have been taken since the beginning. */
  async taken(count: number): Promise<void> {
    await this.#until(() => this.messages.length >= count)
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
