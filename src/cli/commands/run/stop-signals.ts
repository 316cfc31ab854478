/** SIGTERM and SIGINT: the first asks for an end, the second is an order. */

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

export interface StopSignals {
  /** Aborted at the first signal; `reason` is its name. */
  readonly first: AbortSignal
  /** Leaves the signals to the process again. */
  stop(): void
}

/** Listens until stopped. At a second signal `again` is called, at once. */
export function watchStopSignals(process: NodeJS.Process, again: () => void): StopSignals {
  const first = new AbortController()
  const onSignal = (name: string): void => {
    if (first.signal.aborted) again()
    else first.abort(name)
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return {
    first: first.signal,
    stop() {
      for (const name of SIGNALS) process.off(name, onSignal)
    },
  }
}

/** Resolves when `signal` is aborted, at once if it already is. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
