/** SIGTERM and SIGINT: the first one stops gracefully, the second one at once. */

import { EXIT_FAILED } from '../../exit-code.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
/** Where sudo starts the program, it passes a signal on that the program gets by itself as well. */
const REPEATED_WITHIN_MS = 1_000
/** A shorter `--deadline` leaves this long for storing. */
const LEAST_DEADLINE_MS = 2_500
/** The longest that timers take. */
const LONG_MS = 2 ** 31 - 1

export interface StopSignals {
  /** Aborted at the first signal; `reason` is its name. */
  readonly first: AbortSignal
  /** Lets the process end. */
  stop(): void
}

/**
 * Listens until `stop`, and keeps the process alive until then: nothing else may do so, for example
 * while it waits for a nucleus. Calls `again` at the second signal, unless it is the first one
 * repeated.
 */
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
  const held = setInterval(() => {}, LONG_MS)
  return {
    first: first.signal,
    stop() {
      clearInterval(held)
      // A signal that is repeated must not end a process that is about to end with exit code 0.
      if (first.signal.aborted) return
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
