/** An intake that keeps what it is given, and commits when the test says so or at once. */
import type { Refusal, ReplyTo } from '../../../src/message.ts'
import type { CommitListener, Intake, Route } from '../../../src/sources/source.ts'

export interface Taken {
  readonly topic: string
  readonly payload: string
  readonly reply: ReplyTo | undefined
}

export const STATUS_TOPIC = 'iotanalytics/messages/put/status'

export class RecordingIntake implements Intake {
  readonly taken: Taken[] = []
  readonly lastRefusal: Refusal = { error: 'InvalidMessage', message: 'expected JSON' }
  isSaturated = false
  readonly isGathering = false
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
  ): number {
    const payload = bytes.toString('utf8', start, end)
    this.taken.push({ topic, payload, reply })
    for (const wake of this.#waiting.splice(0)) wake()
    if (payload === 'refuse me') return -1
    const cycle = this.cycle
    if (this.commitsAtOnce) setImmediate(() => this.commit())
    return cycle
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

  /** Resolves when so many messages have been taken. */
  async has(count: number): Promise<void> {
    while (this.taken.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }
}
