/** An intake that keeps what it is given, and commits when the test says so or at once. */
import type { Refusal, ReplyTo } from '../../../src/message.ts'
import type {
  CommitListener,
  Intake,
  NotAccepted,
  Outcome,
  Route,
} from '../../../src/sources/source.ts'

export interface Taken {
  readonly topic: string
  readonly payload: string
  readonly reply: ReplyTo | undefined
}

const INVALID: Refusal = { error: 'InvalidMessage', message: 'expected JSON' }
export const STATUS_TOPIC = 'iotanalytics/messages/put/status'

export class RecordingIntake implements Intake {
  readonly taken: Taken[] = []
  /** Storage takes nothing: how often it has been asked to. */
  isFull = false
  withheld = 0
  isSaturated = false
  readonly isCollecting = false
  /** Whether each message is committed by itself, in the next turn. */
  commitsAtOnce = true
  cycle = 0
  readonly #listeners: CommitListener[] = []
  readonly #waiting: (() => void)[] = []

  route(topic: string): Route | undefined {
    return topic === STATUS_TOPIC ? undefined : { kind: 'binary' }
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
    const payload = bytes.toString('utf8', start, end)
    if (this.isFull && payload !== 'refuse me') return this.#withhold(mayWithhold)
    this.taken.push({ topic, payload, reply })
    for (const wake of this.#waiting.splice(0)) wake()
    if (payload === 'refuse me') return { refusal: INVALID, isWithheld: false }
    const cycle = this.cycle
    if (this.commitsAtOnce) setImmediate(() => this.commit())
    return cycle
  }

  #withhold(mayWithhold: boolean): NotAccepted {
    if (mayWithhold) this.withheld += 1
    for (const wake of this.#waiting.splice(0)) wake()
    const refusal = { error: 'StorageFull', message: 'no room' }
    return { refusal, isWithheld: mayWithhold }
  }

  listen(listener: CommitListener): void {
    this.#listeners.push(listener)
  }

  commit(): void {
    const cycle = this.cycle
    this.cycle += 1
    for (const listener of this.#listeners) listener.committed(cycle)
  }

  fail(refusal: Refusal): void {
    const cycle = this.cycle
    this.cycle += 1
    for (const listener of this.#listeners) listener.failed(cycle, refusal)
  }

  get payloads(): string[] {
    return this.taken.map(({ payload }) => payload)
  }

  /** Resolves when a message has been withheld so often. */
  async hasWithheld(times: number): Promise<void> {
    while (this.withheld < times) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Resolves when so many messages have been taken. */
  async has(count: number): Promise<void> {
    while (this.taken.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }
}
