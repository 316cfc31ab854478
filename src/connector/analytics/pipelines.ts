/** Starts what runs pipelines, for the API. */

import type { PipelineRunner } from '../../analytics/api/contracts/pipeline-runner.ts'
import { unsupported } from '../../analytics/api/operations/exceptions.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import { awsEnvironment } from '../../config/inputs/aws-environment.ts'
import type { PartContext } from '../parts.ts'

/** Node, DuckDB, and the messages of a batch. Each function has a process of its own, and as much. */
const WORKER_BYTES = 1024 * 1024 * 1024
const WORKER_NICENESS = 10
/** Functions stay that long too. */
const WORKER_IDLE_MS = 60_000

export interface RunningPipelines {
  readonly runner: PipelineRunner
  close(): Promise<void>
}

/** Undefined without the API, which defines pipelines. */
export async function openPipelines(
  { analytics: { api, pipelines } }: ConnectorConfig,
  { observer }: PartContext,
): Promise<RunningPipelines | undefined> {
  if (api === undefined) return undefined
  const { WorkerProcess } = await import('../../analytics/worker/worker-process.ts')
  const { WORKER_PROGRAM } = await import('../../analytics/worker-program.ts')
  const { ActivityRunner } = await import('../../analytics/pipelines/activity-runner.ts')
  const { pipelineSettings } = await import('../../analytics/pipelines/pipeline-settings.ts')
  const worker = new WorkerProcess({
    program: WORKER_PROGRAM,
    memoryBytes: WORKER_BYTES,
    niceness: WORKER_NICENESS,
    idleMs: WORKER_IDLE_MS,
    environment: asksAws(pipelines) ? awsEnvironment() : {},
    onLog: (source, line) => observer.pipelineLogged(source, line),
  })
  const activities = new ActivityRunner({ settings: pipelineSettings(pipelines), jobs: worker })
  return {
    runner: {
      check: (pipeline, definition) => activities.check(pipeline, definition),
      runActivity: (activity, payloads) => activities.runActivity(activity, payloads),
      startReprocessing: () =>
        Promise.reject(unsupported('StartPipelineReprocessing', 'pipelines')),
      cancelReprocessing: async () => false,
      reprocessings: () => [],
    },
    close: () => worker.close(),
  }
}

function asksAws({ registry, shadows }: ConnectorConfig['analytics']['pipelines']): boolean {
  return registry?.aws !== undefined || shadows?.aws !== undefined
}
