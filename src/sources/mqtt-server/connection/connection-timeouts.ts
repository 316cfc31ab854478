/** Whether a connection has outlasted one of its time limits. All times are the monotonic clock's. */

export type Verdict = 'fine' | 'no CONNECT' | 'silent' | 'stalled' | 'not gone'

/** How long a connection that we end may take to take our last bytes. */
const ENDING_MS = 2_000
/** A client that takes nothing for so long, with as much as may wait for it waiting, is gone. */
const STALLED_MS = 30_000
/** How late a sweep may be: being late is allowed to us, being early is not. */
const SWEEP_SLACK_MS = 1_000
const NEVER = Number.POSITIVE_INFINITY

export class ConnectionTimeouts {
  readonly #connectTimeoutMs: number
  #keepAliveMs = 0
  #isAdmitted = false
  #lastHeardMs: number
  #stalledSinceMs = NEVER
  #endedAtMs = NEVER

  constructor(nowMs: number, connectTimeoutMs: number) {
    this.#lastHeardMs = nowMs
    this.#connectTimeoutMs = connectTimeoutMs
  }

  get isStalled(): boolean {
    return this.#stalledSinceMs !== NEVER
  }

  admitted(nowMs: number, keepAliveMs: number): void {
    this.#isAdmitted = true
    this.#lastHeardMs = nowMs
    this.#keepAliveMs = keepAliveMs
  }

  /** Before CONNECT this does nothing: bytes that dribble in don't prolong its time. */
  heard(nowMs: number): void {
    if (this.#isAdmitted) this.#lastHeardMs = nowMs
  }

  stalled(nowMs: number): void {
    if (this.#stalledSinceMs === NEVER) this.#stalledSinceMs = nowMs
  }

  moved(): void {
    this.#stalledSinceMs = NEVER
  }

  ended(nowMs: number): void {
    this.#endedAtMs = nowMs
  }

  /** Silence that we caused by not reading (`isReading` false) doesn't count. */
  verdict(nowMs: number, isReading: boolean): Verdict {
    if (this.#endedAtMs !== NEVER) {
      return nowMs - this.#endedAtMs > ENDING_MS ? 'not gone' : 'fine'
    }
    const silentMs = nowMs - this.#lastHeardMs
    if (!this.#isAdmitted) return silentMs > this.#connectTimeoutMs ? 'no CONNECT' : 'fine'
    if (nowMs - this.#stalledSinceMs > STALLED_MS) return 'stalled'
    // One and a half times the interval [MQTT-3.1.2-24 in 3.1.1, MQTT-3.1.2-22 in 5.0].
    const isSilent = this.#keepAliveMs > 0 && silentMs > 1.5 * this.#keepAliveMs + SWEEP_SLACK_MS
    return isSilent && isReading ? 'silent' : 'fine'
  }
}
