/** The job `derive`, as the worker process runs it: new files, or one file again. */
import * as z from 'zod'
import { makePipeline } from '../../pipelines/pipeline.ts'
import type { PipelineSettings } from '../../pipelines/pipeline-settings.ts'
import { resourcesFor } from '../../pipelines/worker-resources.ts'
import { withSession } from '../../tables/jobs/session.ts'
import type { Job } from '../../worker/job.ts'
import { type DerivationResult, derivationShape } from './derivation.ts'
import { type DerivationTools, derive } from './derive.ts'
import { failingPipeline } from './failing-pipeline.ts'
import { keepFailures } from './failures.ts'
import { rewrite } from './rewrite.ts'

const requestShape = z.strictObject({
  derivation: derivationShape,
  /** Of functions and things. */
  settings: z.custom<PipelineSettings>((value) => typeof value === 'object' && value !== null),
  /** The messages are not run, and are kept as failed for this reason. */
  skipped: z.string().optional(),
  /** The messages are those of this file, and it is replaced. */
  path: z.string().optional(),
  /** Messages that arrived at another time are left as they are. */
  window: z.strictObject({ from: z.number().optional(), until: z.number().optional() }).optional(),
})

export type DeriveRequest = z.input<typeof requestShape>

export async function run(request: unknown, { signal }: Job): Promise<DerivationResult> {
  const { derivation, settings, skipped, path, window } = requestShape.parse(request)
  const { pipeline: pipelineName, activities: pipelineActivities } = derivation
  const resources = await resourcesFor(settings)
  const pipeline = makePipeline({ pipelineName, pipelineActivities }, resources)
  return withSession(signal, (connection) => {
    const tools: DerivationTools = {
      connection,
      pipeline: skipped === undefined ? pipeline : failingPipeline(pipeline, skipped),
      signal,
      keepFailures: (range, failed) =>
        keepFailures(derivation, settings.maxFailureBytes, range, failed),
    }
    if (path !== undefined) return rewrite(derivation, path, tools, window ?? {})
    return derive(derivation, tools, window)
  })
}
