/**
 * A pipeline: the messages of a channel, changed and chosen by activities, for a datastore. It
 * neither reads nor stores messages, and keeps nothing between two batches.
 */
import { newPipeline, orderedActivities } from '../resources/pipeline-definition.ts'
import { invalidPipeline, parseDefinition } from './invalid-pipeline.ts'
import { type ActivityResources, makeActivity } from './make-activity.ts'
import { type PipelineInput, type RunResult, runMessages } from './message-run.ts'

export interface Pipeline {
  readonly name: string
  readonly channelName: string
  readonly datastoreName: string
  /**
   * A message that cannot be processed is among the failed ones.
   * @throws {ConnectorError} ThingsUnavailable: the messages are to be processed again later
   */
  run<Input extends PipelineInput>(inputs: readonly Input[]): Promise<RunResult<Input>>
}

/**
 * @param definition `{ pipelineName, pipelineActivities }`, as CreatePipeline takes it
 * @throws {ConnectorError} InvalidPipeline
 */
export function makePipeline(definition: unknown, resources: ActivityResources): Pipeline {
  const checked = parseDefinition(newPipeline, definition, 'the pipeline')
  const ordered = orderedActivities(checked)
  const channel = ordered[0]?.channel
  const datastore = ordered.at(-1)?.datastore
  if (channel === undefined || datastore === undefined) {
    throw invalidPipeline('expected activities from a channel to a datastore')
  }
  const activities = ordered.slice(1, -1).map((activity) => makeActivity(activity, resources))
  return {
    name: checked.pipelineName,
    channelName: channel.channelName,
    datastoreName: datastore.datastoreName,
    run: (inputs) => runMessages(inputs, activities, datastore.name),
  }
}
