/**
 * Lets one round of requests follow another while submissions wait. All that arrive during a round
 * share the next one, so throughput does not depend on how many there are. A round ends early once
 * nobody waits for it.
 */
import type { Clock } from '../../clock.ts'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import type { BatchOutcome } from '../destination.ts'
import type { Submission } from './submission.ts'

export interface RoundsOptions {
  readonly timeoutMs: number
  readonly clock: Clock
  /** Sees to it that some of the submissions get on. May throw; then all of them have failed. */
  readonly run: (submissions: readonly Submission[], signal: AbortSignal) => Promise<void>
}

export class Rounds {
  readonly #options: RoundsOptions
  #waiting: Submission[] = []
  #isRunning = false
  #current: AbortController | undefined

  constructor(options: RoundsOptions) {
    this.#options = options
  }

  submit(submission: Submission): Promise<BatchOutcome> {
    if (!submission.isOver) {
      this.#waiting.push(submission)
      if (!this.#isRunning) void this.#run()
    }
    return submission.outcome
  }

  /** Ends the round that is under way. */
  close(reason: ConnectorError): void {
    for (const submission of this.#waiting) submission.failAll(reason)
    this.#current?.abort(reason)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    try {
      // Submissions of the same turn of the event loop share the first round too.
      await Promise.resolve()
      for (;;) {
        this.#waiting = this.#waiting.filter(({ isOver }) => !isOver)
        if (this.#waiting.length === 0) return
        await this.#round([...this.#waiting])
      }
    } finally {
      this.#isRunning = false
    }
  }

  async #round(submissions: readonly Submission[]): Promise<void> {
    const { timeoutMs, clock, run } = this.#options
    const controller = new AbortController()
    this.#current = controller
    const text = `Kafka did not answer within ${timeoutMs} ms`
    const timer = clock.after(timeoutMs, () => {
      controller.abort(new ConnectorError('DestinationUnavailable', text))
    })
    const stopIfUnneeded = () => {
      if (submissions.every(({ isOver }) => isOver)) controller.abort(STOPPED)
    }
    for (const submission of submissions) submission.onOver = stopIfUnneeded
    try {
      await run(submissions, controller.signal)
    } catch (thrown) {
      const cause = controller.signal.aborted ? controller.signal.reason : thrown
      const error = asConnectorError(cause, 'DestinationUnavailable', 'writing to Kafka')
      for (const submission of submissions) submission.failAll(submission.trouble ?? error)
    } finally {
      timer.cancel()
      this.#current = undefined
    }
  }
}

const STOPPED = new ConnectorError('Stopping', 'writing to Kafka: cancelled')
