/** Checks definitions of pipelines, and tries single activities in the worker process. */
import type { PipelineRunner } from '../api/contracts/pipeline-runner.ts'
import { nameOf, type PipelineActivity } from '../resources/pipeline-activity.ts'
import type { PipelineDefinition } from '../resources/pipeline-definition.ts'
import type { WorkerProcess } from '../worker/worker-process.ts'
import type { FunctionDirectory } from './functions/function-directory.ts'
import { invalidPipeline } from './invalid-pipeline.ts'
import { makePipeline } from './pipeline.ts'
import type { PipelineSettings } from './pipeline-settings.ts'
import type { ActivityResult } from './run-activity.ts'
import type { ActivityRequest } from './run-activity-job.ts'

export interface ActivityRunnerOptions {
  readonly settings: PipelineSettings
  readonly jobs: Pick<WorkerProcess, 'run'>
}

/** Functions end after 30 s. What takes longer than this hangs. */
const MAX_RUN_MS = 45_000
/** A definition is checked without calling anything. */
const functions: FunctionDirectory = {
  invoke: () => Promise.reject(new Error('functions are called in the worker process alone')),
}

export class ActivityRunner implements Pick<PipelineRunner, 'check' | 'runActivity'> {
  readonly #options: ActivityRunnerOptions

  constructor(options: ActivityRunnerOptions) {
    this.#options = options
  }

  /**
   * Also whether the settings have what the activities need: without it no message would get
   * through.
   * @throws {ConnectorError} InvalidPipeline
   */
  check(pipeline: string, definition: PipelineDefinition): void {
    makePipeline({ ...definition, pipelineName: pipeline }, { functions })
    for (const activity of definition.pipelineActivities) {
      const problem = missingFor(activity, this.#options.settings)
      if (problem !== undefined) throw invalidPipeline(`activity ${nameOf(activity)}: ${problem}`)
    }
  }

  /**
   * @throws {ConnectorError} InvalidPipeline; AnalyticsUnavailable: the worker process ended;
   *   QueryLimit: the activity hangs
   */
  async runActivity(
    activity: PipelineActivity,
    payloads: readonly Buffer[],
  ): Promise<ActivityResult> {
    const { settings, jobs } = this.#options
    const request: ActivityRequest = { settings, activity, payloads }
    const result = await jobs.run('run-activity', request, { timeoutMs: MAX_RUN_MS })
    return result as ActivityResult
  }
}

function missingFor(
  { lambda, deviceRegistryEnrich, deviceShadowEnrich }: PipelineActivity,
  { functions: known, registry, shadows }: PipelineSettings,
): string | undefined {
  if (lambda !== undefined && !Object.hasOwn(known, lambda.lambdaName)) {
    const names = Object.keys(known).join(', ') || 'none'
    return `expected a function of analytics.pipelines.functions (${names}), got ${lambda.lambdaName}`
  }
  if (deviceRegistryEnrich !== undefined && registry === undefined) {
    return 'needs a device registry: set analytics.pipelines.registry'
  }
  if (deviceShadowEnrich !== undefined && shadows === undefined) {
    return 'needs device shadows: set analytics.pipelines.shadows'
  }
  return undefined
}
