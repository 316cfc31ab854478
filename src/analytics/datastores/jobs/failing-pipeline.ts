/**
 * Takes the place of a pipeline for a message that ends the process, again and again: it is not run,
 * and is kept as failed.
 */
import type { Pipeline } from '../../pipelines/pipeline.ts'

export function failingPipeline(pipeline: Pipeline, reason: string): Pipeline {
  const { name, channelName, datastoreName } = pipeline
  return {
    name,
    channelName,
    datastoreName,
    run: async (inputs) => {
      const failed = inputs.map((input) => ({ input, activity: name, reason }))
      return { stored: [], dropped: [], failed }
    },
  }
}
