/** Activities from their definitions. */
import { nameOf, type PipelineActivity } from '../resources/pipeline-activity.ts'
import type { Activity } from './activities/activity.ts'
import { addAttributes } from './activities/add-attributes.ts'
import { enrich } from './activities/enrich.ts'
import { filter } from './activities/filter.ts'
import { lambda } from './activities/lambda.ts'
import { math } from './activities/math.ts'
import { removeAttributes } from './activities/remove-attributes.ts'
import { selectAttributes } from './activities/select-attributes.ts'
import { parseAttributePath as path } from './expressions/attribute-path.ts'
import { ExpressionError } from './expressions/expression-error.ts'
import type { FunctionDirectory } from './functions/function-directory.ts'
import { invalidPipeline } from './invalid-pipeline.ts'
import type { ThingDirectory } from './things/thing-directory.ts'

/** What activities use besides the messages. */
export interface ActivityResources {
  readonly functions: FunctionDirectory
  readonly registry?: ThingDirectory | undefined
  readonly shadows?: ThingDirectory | undefined
}

/**
 * @param definition neither a channel nor a datastore
 * @throws {ConnectorError} InvalidPipeline
 */
export function makeActivity(definition: PipelineActivity, resources: ActivityResources): Activity {
  try {
    const activity = activityOf(definition, resources)
    if (activity !== undefined) return activity
  } catch (thrown) {
    if (!(thrown instanceof ExpressionError)) throw thrown
    throw invalidPipeline(`activity ${nameOf(definition)}: ${thrown.message}`, thrown)
  }
  throw invalidPipeline('channel and datastore activities do not process messages')
}

function activityOf(
  definition: PipelineActivity,
  resources: ActivityResources,
): Activity | undefined {
  const { addAttributes: add, removeAttributes: remove, selectAttributes: select } = definition
  if (add !== undefined) {
    const copies = Object.entries(add.attributes).map(([from, to]) => {
      return { from: path(from), to: path(to) }
    })
    return addAttributes(add.name, copies)
  }
  if (remove !== undefined) return removeAttributes(remove.name, remove.attributes.map(path))
  if (select !== undefined) return selectAttributes(select.name, select.attributes.map(path))
  const { filter: condition, math: sum, lambda: called } = definition
  if (condition !== undefined) return filter(condition.name, condition.filter)
  if (sum !== undefined) return math(sum.name, path(sum.attribute), sum.math)
  if (called !== undefined) return lambda({ ...called, functions: resources.functions })
  return enrichmentOf(definition, resources)
}

function enrichmentOf(
  { deviceRegistryEnrich, deviceShadowEnrich }: PipelineActivity,
  { registry, shadows }: ActivityResources,
): Activity | undefined {
  const definition = deviceRegistryEnrich ?? deviceShadowEnrich
  if (definition === undefined) return undefined
  const isRegistry = deviceRegistryEnrich !== undefined
  return enrich({
    name: definition.name,
    attribute: path(definition.attribute),
    thingName: path(definition.thingName),
    things: isRegistry ? registry : shadows,
    directoryName: isRegistry ? 'device registry' : 'device shadows',
    setting: isRegistry ? 'analytics.pipelines.registry' : 'analytics.pipelines.shadows',
  })
}
