/** Waits that end after a time or when the caller's signal is aborted. */
import type { Clock } from '../../clock.ts'

export interface WaitLimits {
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface TimeLimit extends WaitLimits {
  readonly timeoutMs: number
  readonly expired: () => Error
}

/** Resolves after `delayMs`. Rejects with the signal's reason if it is aborted before. */
export function pause(delayMs: number, { clock, signal }: WaitLimits): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => {
      timer.cancel()
      reject(signal.reason)
    }
    const timer = clock.after(delayMs, () => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
    signal.addEventListener('abort', abort, { once: true })
  })
}

/**
 * The result of `work`, unless it takes longer than `timeoutMs` or the signal is aborted. The work
 * itself continues; its result is then ignored.
 * @throws the error that `expired` creates
 */
export async function within<Result>(
  work: Promise<Result>,
  { timeoutMs, expired, clock, signal }: TimeLimit,
): Promise<Result> {
  const settled = new AbortController()
  const limit = pause(timeoutMs, { clock, signal: AbortSignal.any([signal, settled.signal]) })
  try {
    return await Promise.race([
      work,
      limit.then(() => {
        throw expired()
      }),
    ])
  } finally {
    settled.abort()
    limit.catch(() => {})
  }
}
