/** RunPipelineActivity: one activity tried on a few payloads. */
import { linkOf } from './activity-chain.ts'
import { activitySchema } from './definition.ts'
import type { FunctionDirectory } from './functions/function-directory.ts'
import { invalidPipeline, parseDefinition } from './invalid-pipeline.ts'
import { type ActivityResources, makeActivity } from './make-activity.ts'
import { runMessages } from './message-run.ts'

const MAX_PAYLOADS = 10
/** A function that takes longer fails here, whatever its own time is. */
const MAX_FUNCTION_MS = 30_000

export interface ActivityResult {
  /** Of the messages that would go on, in order. */
  readonly payloads: readonly Buffer[]
  /** Empty if the activity could process all of them. */
  readonly logResult: string
}

/**
 * @param definition one entry of `pipelineActivities`; `next` is not needed
 * @throws {ConnectorError} InvalidPipeline
 */
export async function runActivity(
  definition: unknown,
  payloads: readonly Buffer[],
  resources: ActivityResources,
): Promise<ActivityResult> {
  if (payloads.length < 1 || payloads.length > MAX_PAYLOADS) {
    throw invalidPipeline(`expected 1 to ${MAX_PAYLOADS} payloads, got ${payloads.length}`)
  }
  const checked = parseDefinition(activitySchema, definition)
  const activity = makeActivity(checked, {
    ...resources,
    functions: withLessTime(resources.functions),
  })
  const inputs = payloads.map((payload, index) => ({ payload, index }))
  const { stored, dropped, failed } = await runMessages(inputs, [activity], linkOf(checked).name)
  const problems = failed.map(({ input, reason }) => `payload ${input.index + 1}: ${reason}`)
  const invalid = dropped.find(({ reason }) => reason === 'invalidJson')
  if (invalid !== undefined) problems.push(`payloads that are no JSON object: ${invalid.count}`)
  return { payloads: stored.map(({ payload }) => payload), logResult: problems.join('\n') }
}

function withLessTime(functions: FunctionDirectory): FunctionDirectory {
  return { invoke: (lambdaName, event) => functions.invoke(lambdaName, event, MAX_FUNCTION_MS) }
}
