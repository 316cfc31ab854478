/** What a connector gets from the program around it, and what it says of itself. */
import type { Clock } from '../clock.ts'
import type { Settings } from '../http/api/shapes/settings.ts'
import type { Nucleus } from '../sources/greengrass/nucleus.ts'
import type { LogOutput } from '../telemetry/log/logger.ts'
import type { TraceOptions } from '../telemetry/options.ts'

export interface ConnectorOptions {
  readonly clock?: Clock
  /** From 0 up to, not including, 1: spreads retries. */
  readonly random?: () => number
  /** Where log lines go. Default: the file of `log.file`, otherwise standard error. */
  readonly logOutput?: LogOutput
  /** Where traces go. Default: there are none. */
  readonly traces?: TraceOptions | undefined
  /** For `sources.greengrass`. It outlives the connector. */
  readonly nucleus?: Nucleus | undefined
  /** Every setting with its origin, for the operator. Default: no setting is shown. */
  readonly settings?: (() => Settings) | undefined
}

/** The running parts, in lines for people. */
export interface ConnectorDescription {
  readonly sources: readonly string[]
  readonly destinations: readonly string[]
  /** Undefined when there is no HTTP server. */
  readonly http: string | undefined
  /** The path of the operator's socket, which commands use; undefined if there is none. */
  readonly socket: string | undefined
  /** Undefined with durability `memory`. */
  readonly dataDirectory: string | undefined
  readonly channels: number
}
