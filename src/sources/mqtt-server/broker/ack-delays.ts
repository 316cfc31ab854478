/** How long messages waited for their PUBACK: counted for each connection, reported for each commit. */
import type { Clock } from '../../../clock.ts'
import { ACKNOWLEDGEMENT_SECONDS, DurationCounts } from '../../../durations/duration-counts.ts'
import type { ServerReports } from './server-reports.ts'

export class AckDelays {
  readonly #clock: Clock
  readonly #reports: ServerReports
  readonly #waited = new DurationCounts(ACKNOWLEDGEMENT_SECONDS)

  constructor(clock: Clock, reports: ServerReports) {
    this.#clock = clock
    this.#reports = reports
  }

  /** See `Clock.monotonic`. */
  now(): number {
    return this.#clock.monotonic()
  }

  /** `pubacks` are sent now, for messages that came at `sinceMs` or a little later. */
  sent(pubacks: number, sinceMs: number): void {
    this.#waited.add((this.now() - sinceMs) / 1000, pubacks)
  }

  report(): void {
    if (this.#waited.total === 0) return
    this.#reports.acknowledged(this.#waited)
    this.#waited.clear()
  }
}
