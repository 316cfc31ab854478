/** One `send` of the destination, until each of its messages has an outcome. */
import { setMaxListeners } from 'node:events'
import type { Clock, Timer } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import type { Message, Refusal } from '../../message.ts'
import type { Batch, BatchOutcome } from '../destination.ts'

const OPEN = 0
const DELIVERED = 1
const REJECTED = 2
const KEPT = 3

export interface SubmissionOptions {
  readonly batch: Batch
  /** Kafka's topic. */
  readonly topic: string
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly clock: Clock
}

export class Submission {
  readonly batch: Batch
  readonly topic: string
  readonly outcome: Promise<BatchOutcome>
  /** Messages that are in no record batch, by index, ascending. */
  pending: number[]
  /** The last thing that went wrong and may pass. */
  trouble: ConnectorError | undefined
  /** Attempts that failed for this submission. */
  failures = 0
  readonly #states: Uint8Array
  readonly #rejected: { readonly index: number; readonly refusal: Refusal }[] = []
  readonly #timer: Timer
  readonly #signal: AbortSignal
  readonly #onAbort: () => void
  #open: number
  #keptError: ConnectorError | undefined
  #settle: ((outcome: BatchOutcome) => void) | undefined
  #fail: ((error: ConnectorError) => void) | undefined
  /** Called when it has its outcome, so that a request that only it waits for can end. */
  onOver: (() => void) | undefined

  constructor({ batch, topic, signal, timeoutMs, clock }: SubmissionOptions) {
    this.batch = batch
    this.topic = topic
    this.#open = batch.messages.length
    this.#states = new Uint8Array(batch.messages.length)
    this.pending = Array.from({ length: this.#open }, (_, index) => index)
    this.outcome = new Promise((resolve, reject) => {
      this.#settle = resolve
      this.#fail = reject
    })
    this.#signal = signal
    this.#onAbort = () => this.failAll(new ConnectorError('Stopping', `${this.doing}: cancelled`))
    // One signal may cancel the sends of all channels; Node would warn from the eleventh on.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', this.#onAbort)
    this.#timer = clock.after(timeoutMs, () => {
      const text = `${this.doing}: no answer within ${timeoutMs} ms`
      this.failAll(this.trouble ?? new ConnectorError('DestinationUnavailable', text))
    })
  }

  get doing(): string {
    return `writing to topic ${this.topic}`
  }

  get isOver(): boolean {
    return this.#open === 0
  }

  isOpen(index: number): boolean {
    return this.#states[index] === OPEN
  }

  messageAt(index: number): Message {
    const message = this.batch.messages[index]
    if (message === undefined) throw new Error(`a batch has no message ${index}`)
    return message
  }

  deliver(index: number): void {
    this.#end(index, DELIVERED)
  }

  reject(index: number, refusal: Refusal): void {
    if (this.#states[index] === OPEN) this.#rejected.push({ index, refusal })
    this.#end(index, REJECTED)
  }

  keep(index: number, error: ConnectorError): void {
    if (this.#states[index] === OPEN) this.#keptError = error
    this.#end(index, KEPT)
  }

  /** Keeps every message that has no outcome. */
  failAll(error: ConnectorError): void {
    for (let index = 0; index < this.#states.length; index++) this.keep(index, error)
  }

  #end(index: number, state: number): void {
    if (this.#states[index] !== OPEN) return
    this.#states[index] = state
    this.#open--
    if (this.#open === 0) this.#finish()
  }

  #finish(): void {
    this.#timer.cancel()
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.pending = []
    const kept: number[] = []
    this.#states.forEach((state, index) => {
      if (state === KEPT) kept.push(index)
    })
    const error = this.#keptError
    if (error !== undefined && kept.length === this.#states.length) this.#fail?.(error)
    else this.#settle?.(outcomeOf(this.#rejected, kept, error))
    this.onOver?.()
  }
}

function outcomeOf(
  rejected: BatchOutcome['rejected'],
  kept: readonly number[],
  error: ConnectorError | undefined,
): BatchOutcome {
  const sorted = rejected.toSorted((one, other) => one.index - other.index)
  if (error === undefined) return { rejected: sorted, kept }
  return { rejected: sorted, kept, keptReason: { error: error.code, message: error.message } }
}
