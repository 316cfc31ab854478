/**
 * Time as an argument. Whatever decides by time (is a batch due, when to try again, has a message
 * expired) takes a Clock, so that tests move time by hand instead of sleeping.
 */
export interface Clock {
  /** Milliseconds since 1970. May jump when somebody sets the machine's clock. */
  now(): number
  /** Milliseconds from an arbitrary start. Never goes back: for durations. */
  monotonic(): number
  /** Calls once, `delayMs` from now. Keeps the process alive no longer than other work does. */
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
