/**
 * SIGINT and SIGTERM while `publish` works: the first one ends the work, so that the terminal is
 * restored and the summary is printed; the second one ends the program.
 */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export class Interruption {
  /** The name of the signal that arrived. */
  signal: NodeJS.Signals | undefined
  readonly #process: NodeJS.Process
  readonly #arrived: Promise<void>
  #arrive: () => void = () => {}
  readonly #onSignal = (name: NodeJS.Signals): void => {
    this.signal = name
    this.close()
    this.#arrive()
  }

  constructor(process: NodeJS.Process) {
    this.#process = process
    this.#arrived = new Promise((resolve) => {
      this.#arrive = resolve
    })
    for (const name of SIGNALS) process.on(name, this.#onSignal)
  }

  /** Resolves when the work is done, or when a signal arrives: the work may then go on for a while. */
  async orEnd(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, this.#arrived])
    work.catch(() => {})
  }

  /** Restores the default behaviour of the signals. */
  close(): void {
    for (const name of SIGNALS) this.#process.off(name, this.#onSignal)
  }
}
