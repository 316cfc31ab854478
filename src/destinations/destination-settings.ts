/** What the constructor of every destination takes. */
import type { Clock } from '../clock.ts'
import type { Notice } from '../observer.ts'
import type { BatchOptions } from './batch-options.ts'

/** What a destination tells the operator beside the results of its batches. */
export interface DestinationReports {
  noticed(channel: string, notice: Notice): void
  /** @param bytes negative if files have shrunk or are removed */
  spoolGrew(bytes: number): void
}

export const NO_REPORTS: DestinationReports = { noticed() {}, spoolGrew() {} }

export interface DestinationSettings<Options> {
  /** Unique among the destinations. */
  readonly name: string
  /** Where `options` are in the configuration, for messages: `destinations[0].kafka`. */
  readonly place: string
  readonly options: Options
  /**
   * 1 to 64 of A-Z a-z 0-9 _ -. Part of the identity of every message, and the same after a restart.
   */
  readonly connectorId: string
  readonly batch: BatchOptions
  /** A directory of its own for files that need not outlive the process. It may not exist yet. */
  readonly spoolDirectory: string
  readonly clock: Clock
  /** Default: NO_REPORTS. */
  readonly reports?: DestinationReports
  /** From 0 up to, not including, 1: spreads retries. */
  readonly random: () => number
}
