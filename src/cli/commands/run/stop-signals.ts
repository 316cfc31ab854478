/** SIGTERM and SIGINT: the first one stops gracefully, the second one at once. */

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

export interface StopSignals {
  /** Aborted at the first signal; `reason` is its name. */
  readonly first: AbortSignal
  /** Restores the default behaviour of the signals. */
  stop(): void
}

/** Listens until `stop`. Calls `again` at the second signal. */
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
