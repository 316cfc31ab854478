/**
 * Time as an argument. Code that decides by time (is a batch due, when to retry, has a message
 * expired) takes a Clock, so that tests set the time instead of sleeping.
 */
export interface Clock {
  /** Milliseconds since 1970. Jumps when the machine's clock is set. */
  now(): number
  /** Milliseconds from an arbitrary start. Never goes back: for durations. */
  monotonic(): number
  /** Calls once, `delayMs` from now. Does not keep the process alive. */
  after(delayMs: number, call: () => void): Timer
}

export interface Timer {
  cancel(): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, call) {
    const timeout = setTimeout(call, delayMs)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  },
}
