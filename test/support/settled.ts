/**
 * Waits until this process has nothing left to do at once, rather than for a counted number of
 * turns.
 */

/** More than any test needs; only a loop without end takes them all. */
const MAX_TURNS = 2_000

/** Resources that finish by themselves. Timers and sockets may stay, and do not count. */
const PENDING = new Set(['Immediate', 'FSReqCallback', 'FSReqPromise', 'CloseReq'])

/**
 * Resolves when no callback of the event loop and no file operation is pending.
 * @throws when that does not come to an end
 */
export async function settled(): Promise<void> {
  // What a finished operation starts shows a turn later, so a single quiet turn is not enough.
  for (let turn = 0, quiet = 0; turn < MAX_TURNS; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    quiet = pending().length === 0 ? quiet + 1 : 0
    if (quiet === 2) return
  }
  throw new Error(`expected an end within ${MAX_TURNS} turns, but pending: ${pending().join(', ')}`)
}

function pending(): string[] {
  return process.getActiveResourcesInfo().filter((resource) => PENDING.has(resource))
}
