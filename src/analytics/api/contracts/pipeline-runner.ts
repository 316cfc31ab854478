/** What runs pipelines. All times are milliseconds since 1970. */
import type { PipelineActivity } from '../../resources/pipeline-activity.ts'
import type { PipelineDefinition } from '../../resources/pipeline-definition.ts'

export interface PipelineRunner {
  /** @throws {ConnectorError} whose effect is `reject`: an expression or the like can't be used */
  check(pipeline: string, definition: PipelineDefinition): void
  /** Runs one activity on payloads, in their order. A failure is in `logResult`. */
  runActivity(
    activity: PipelineActivity,
    payloads: readonly Buffer[],
  ): Promise<{ readonly payloads: readonly Buffer[]; readonly logResult: string }>
  /** Begins to send stored messages through the pipeline again. Resolves with an id. */
  startReprocessing(pipeline: string, asked: ReprocessedMessages): Promise<string>
  /** False if there is no such run. */
  cancelReprocessing(pipeline: string, id: string): Promise<boolean>
  /** The pipeline is not defined any more. What it has put into its datastore stays. */
  removed(pipeline: string): Promise<void>
  /** The newest first. */
  reprocessings(pipeline: string): readonly Reprocessing[]
}

/** Without bounds: all that are stored. `until` is not included. */
export interface ReprocessedMessages {
  readonly from: number | undefined
  readonly until: number | undefined
}

export interface Reprocessing {
  readonly id: string
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'CANCELLED' | 'FAILED'
  readonly createdAt: number
}
