/** What runs pipelines. All times are milliseconds since 1970. */
import type { PipelineActivity } from '../../resources/pipeline-activity.ts'

export interface PipelineRunner {
  /** Runs one activity on payloads, in their order. A failure is in `logResult`. */
  runActivity(
    activity: PipelineActivity,
    payloads: readonly Buffer[],
  ): Promise<{ readonly payloads: readonly Buffer[]; readonly logResult: string }>
  /** Begins to send stored messages through the pipeline again. Resolves with an id. */
  startReprocessing(pipeline: string, asked: ReprocessedMessages): Promise<string>
  /** False if there is no such run. */
  cancelReprocessing(pipeline: string, id: string): Promise<boolean>
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
