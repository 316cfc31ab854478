/**
 * A pipeline: the messages of a channel, changed and chosen by activities, for a data store. It
 * neither reads nor stores messages, and keeps nothing between two batches.
 */
import { chainOf } from './activity-chain.ts'
import { pipelineSchema } from './definition.ts'
import { parseDefinition } from './invalid-pipeline.ts'
import { type ActivityResources, makeActivity } from './make-activity.ts'
import { type PipelineInput, type RunResult, runMessages } from './message-run.ts'

export interface Pipeline {
  readonly name: string
  readonly channelName: string
  readonly datastoreName: string
  /** Never rejects: a message that cannot be processed is among the failed ones. */
  run<Input extends PipelineInput>(inputs: readonly Input[]): Promise<RunResult<Input>>
}

/**
 * @param definition `{ pipelineName, pipelineActivities }`, as CreatePipeline takes it
 * @throws {ConnectorError} InvalidPipeline
 */
export function makePipeline(definition: unknown, resources: ActivityResources): Pipeline {
  const { pipelineName, pipelineActivities } = parseDefinition(pipelineSchema, definition)
  const { channelName, datastore, activities } = chainOf(pipelineActivities)
  const made = activities.map((activity) => makeActivity(activity, resources))
  return {
    name: pipelineName,
    channelName,
    datastoreName: datastore.datastoreName,
    run: (inputs) => runMessages(inputs, made, datastore.name),
  }
}
