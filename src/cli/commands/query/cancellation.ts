/**
 * Ends a query at SIGINT, SIGTERM, or when standard output is closed. A second signal ends the
 * program as usual.
 */
import type { CliContext } from '../../context.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export class Cancellation {
  /** The signal that arrived. */
  signalName: NodeJS.Signals | undefined
  readonly #context: CliContext
  readonly #aborted = new AbortController()

  constructor(context: CliContext) {
    this.#context = context
    for (const name of SIGNALS) context.process.on(name, this.#onSignal)
    context.outputClosed.addEventListener('abort', this.#abort)
  }

  get signal(): AbortSignal {
    return this.#aborted.signal
  }

  /** Restores the default behaviour of the signals. */
  close(): void {
    for (const name of SIGNALS) this.#context.process.off(name, this.#onSignal)
    this.#context.outputClosed.removeEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => this.#aborted.abort()

  readonly #onSignal = (name: NodeJS.Signals): void => {
    this.signalName = name
    this.close()
    this.#abort()
  }
}
