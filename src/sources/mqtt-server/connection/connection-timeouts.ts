/**
 * Whether a connection has exceeded one of its time limits. All times are of the monotonic clock.
 */

export type Verdict = 'fine' | 'no CONNECT' | 'silent' | 'stalled' | 'not gone'

/** How long a connection that the server has ended may take to read its last bytes. */
const ENDING_MS = 2_000
/** A client that reads nothing for this long, while bytes wait for it, is gone. */
const STALLED_MS = 30_000
/** How late a sweep may be. Ending a connection late is allowed, early is not. */
const SWEEP_SLACK_MS = 1_000
const NEVER = Number.POSITIVE_INFINITY

export class ConnectionTimeouts {
  readonly #connectTimeoutMs: number
  #keepAliveMs = 0
  #isAdmitted = false
  #lastHeardMs: number
  #stalledSinceMs = NEVER
  #progress = 0
  #endedAtMs = NEVER

  constructor(nowMs: number, connectTimeoutMs: number) {
    this.#lastHeardMs = nowMs
    this.#connectTimeoutMs = connectTimeoutMs
  }

  /** When bytes arrived last. */
  get heardAt(): number {
    return this.#lastHeardMs
  }

  /** CONNECT was accepted. A `keepAliveMs` of 0 turns keep-alive off. */
  admitted(nowMs: number, keepAliveMs: number): void {
    this.#isAdmitted = true
    this.#lastHeardMs = nowMs
    this.#keepAliveMs = keepAliveMs
  }

  /** Bytes have arrived. Before CONNECT is accepted they do not prolong its time. */
  heard(nowMs: number): void {
    if (this.#isAdmitted) this.#lastHeardMs = nowMs
  }

  /**
   * Whether bytes wait that the client has to read first, and a figure that changes when it has
   * read some. To be called before each `verdict`.
   */
  unread(nowMs: number, isWaiting: boolean, progress: number): void {
    const hasRead = progress !== this.#progress
    this.#progress = progress
    if (!isWaiting) this.#stalledSinceMs = NEVER
    else if (hasRead || this.#stalledSinceMs === NEVER) this.#stalledSinceMs = nowMs
  }

  ended(nowMs: number): void {
    this.#endedAtMs = nowMs
  }

  /** If `isReading` is false, silence does not count: the server itself does not read. */
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
