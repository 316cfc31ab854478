/** SIGTERM and SIGINT: the first one stops gracefully, the second one at once. */

import { EXIT_FAILED } from '../../exit-code.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
/** Where sudo starts the program, it passes a signal on that the program gets by itself as well. */
const REPEATED_WITHIN_MS = 1_000
/** A shorter `--deadline` leaves this long for storing. */
const LEAST_DEADLINE_MS = 2_500

export interface StopSignals {
  /** Aborted at the first signal; `reason` is its name. */
  readonly first: AbortSignal
  /** Restores the default behaviour of the signals. */
  stop(): void
}

/** Listens until `stop`. Calls `again` at the second signal, unless it is the first one repeated. */
export function watchStopSignals(process: NodeJS.Process, again: () => void): StopSignals {
  const first = new AbortController()
  let firstAt = 0
  const onSignal = (name: string): void => {
    if (!first.signal.aborted) {
      firstAt = performance.now()
      first.abort(name)
    } else if (name !== first.signal.reason || performance.now() - firstAt > REPEATED_WITHIN_MS) {
      again()
    }
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return {
    first: first.signal,
    stop() {
      for (const name of SIGNALS) process.off(name, onSignal)
    },
  }
}

/**
 * Ends the process when the deadline has passed since `signal`, whatever it waits for. Messages are
 * acknowledged only once they are on the disk, so no message is lost. Calls `report` just before.
 * Returns what calls it off.
 */
export function endAtDeadline(
  process: NodeJS.Process,
  signal: AbortSignal,
  deadlineMs: number,
  report: () => void,
): () => void {
  let timer: NodeJS.Timeout | undefined
  const onSignal = () => {
    timer = setTimeout(() => endNow(process, report), Math.max(deadlineMs, LEAST_DEADLINE_MS))
  }
  signal.addEventListener('abort', onSignal, { once: true })
  return () => {
    signal.removeEventListener('abort', onSignal)
    clearTimeout(timer)
  }
}

function endNow(process: NodeJS.Process, report: () => void): void {
  report()
  // `exit` waits for calls to the file system, which may never return on a disk that hangs.
  const isDiskAsked = process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'))
  if (isDiskAsked) process.kill(process.pid, 'SIGKILL')
  process.exit(EXIT_FAILED)
}

/** Resolves when `signal` is aborted, at once if it already is. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
