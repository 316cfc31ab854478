/** What commands get from outside: the process they run in, and how a connector is made. */
import type { CreateConnector } from './runnable-connector.ts'

export interface CliContext {
  readonly process: NodeJS.Process
  /** Asynchronous so that only `run` pays for loading the connector. */
  readonly loadConnector: () => Promise<CreateConnector>
  /** Aborted when nobody reads standard output any more, as after `… | head`. */
  readonly outputClosed: AbortSignal
}
