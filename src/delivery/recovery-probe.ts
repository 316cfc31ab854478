/**
 * Notices soon that a destination works again. While no channel gets a batch through, one of them
 * at a time sends its oldest message as a probe, every few seconds, and its own retry keeps its
 * time. When a channel gets through, all channels that wait for a retry go on at once.
 *
 *     a batch fails ──▶ away ──probe, probe, probe …──▶ a batch gets through ──▶ all go on
 */
import type { Clock, Timer } from '../clock.ts'
import type { ConnectorError } from '../errors.ts'

export interface ProbedDelivery {
  /** Why it waits for a retry; undefined if all is well. */
  readonly failure: ConnectorError | undefined
  /** Sends one message now. False if it does not wait for a retry. */
  probe(): boolean
  /** Ends the wait for its next attempt. False if it does not wait. */
  retryNow(): boolean
}

/** What a delivery reports about its batches. */
export interface DeliveryOutcomes {
  failed(): void
  /** @param hadFailed whether the channel's last batch had failed */
  succeeded(hadFailed: boolean): void
}

/** Upper bounds of the time between two probes; the time is random, so that fleets spread. */
export const PROBE_MS = 5_000
/** If the destination does not let us in: only a person can change that. */
export const DENIED_PROBE_MS = 30_000
const SHORTEST_MS = 500
/** After a shorter outage the channels' own retries are due soon. */
const SHORT_OUTAGE_MS = 5_000

export class RecoveryProbe implements DeliveryOutcomes {
  readonly #deliveries: readonly ProbedDelivery[]
  readonly #clock: Clock
  readonly #random: () => number
  #awaySince: number | undefined
  #timer: Timer | undefined
  #nextAt: number | undefined
  #turn = 0
  #isClosed = false

  /** @param random in [0, 1) */
  constructor(deliveries: readonly ProbedDelivery[], clock: Clock, random: () => number) {
    this.#deliveries = deliveries
    this.#clock = clock
    this.#random = random
  }

  /** When the next probe is sent, milliseconds since 1970; undefined while it is not needed. */
  get nextAt(): number | undefined {
    return this.#nextAt
  }

  failed(): void {
    if (this.#isClosed) return
    this.#awaySince ??= this.#clock.monotonic()
    if (this.#timer === undefined) this.#arm()
  }

  succeeded(hadFailed: boolean): void {
    if (this.#awaySince === undefined) return
    const awayMs = this.#clock.monotonic() - this.#awaySince
    this.#end()
    if (awayMs < SHORT_OUTAGE_MS) return
    // Another channel's success does not give the permission that one lacks.
    for (const delivery of this.#deliveries) {
      if (hadFailed || delivery.failure?.code !== 'DestinationDenied') delivery.retryNow()
    }
  }

  /** Sends no further probe. */
  close(): void {
    this.#isClosed = true
    this.#end()
  }

  #end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#nextAt = undefined
    this.#awaySince = undefined
  }

  #arm(): void {
    const isDenied = this.#deliveries.every(
      ({ failure }) => failure === undefined || failure.code === 'DestinationDenied',
    )
    const bound = isDenied ? DENIED_PROBE_MS : PROBE_MS
    const delayMs = Math.max(SHORTEST_MS, Math.round(this.#random() * bound))
    this.#nextAt = this.#clock.now() + delayMs
    this.#timer = this.#clock.after(delayMs, () => {
      this.#probe()
      this.#arm()
    })
  }

  /** The channels take turns, in case one of them has a problem of its own. */
  #probe(): void {
    const count = this.#deliveries.length
    for (let tried = 0; tried < count; tried += 1) {
      this.#turn = (this.#turn + 1) % count
      if (this.#deliveries[this.#turn]?.probe() === true) return
    }
  }
}
