/** The job `run-activity`, as the worker process runs it. */
import { systemClock } from '../../clock.ts'
import type { PipelineActivity } from '../resources/pipeline-activity.ts'
import type { PipelineSettings } from './pipeline-settings.ts'
import { type ActivityResult, runActivity } from './run-activity.ts'
import { resourcesFor } from './worker-resources.ts'

/** Comes from the connector itself, which has checked it. */
export interface ActivityRequest {
  readonly settings: PipelineSettings
  readonly activity: PipelineActivity
  readonly payloads: readonly Buffer[]
}

export async function run(request: unknown): Promise<ActivityResult> {
  const { settings, activity, payloads } = request as ActivityRequest
  const resources = await resourcesFor(settings)
  return runActivity(activity, payloads, { ...resources, clock: systemClock })
}
