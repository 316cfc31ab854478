/** RunPipelineActivity: one activity tried on a few payloads. */
import type { Clock } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import { nameOf, pipelineActivity } from '../resources/pipeline-activity.ts'
import type { FunctionDirectory } from './functions/function-directory.ts'
import { invalidPipeline, parseDefinition } from './invalid-pipeline.ts'
import { type ActivityResources, makeActivity } from './make-activity.ts'
import { type PipelineInput, type RunResult, runMessages } from './message-run.ts'

const MAX_PAYLOADS = 10
/** For all calls of a function together, whatever its own time is. */
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
  { clock, ...resources }: ActivityResources & { readonly clock: Clock },
): Promise<ActivityResult> {
  if (payloads.length < 1 || payloads.length > MAX_PAYLOADS) {
    throw invalidPipeline(`expected 1 to ${MAX_PAYLOADS} payloads, got ${payloads.length}`)
  }
  const checked = parseDefinition(pipelineActivity, definition, 'the activity')
  const functions = withLessTime(resources.functions, clock)
  const activity = makeActivity(checked, { ...resources, functions })
  const inputs = payloads.map((payload, index) => ({ payload, index }))
  try {
    return resultOf(await runMessages(inputs, [activity], nameOf(checked)))
  } catch (thrown) {
    if (!(thrown instanceof ConnectorError)) throw thrown
    return { payloads: [], logResult: thrown.message }
  }
}

function resultOf({
  stored,
  dropped,
  failed,
}: RunResult<PipelineInput & { readonly index: number }>): ActivityResult {
  const problems = failed.map(({ input, reason }) => `payload ${input.index + 1}: ${reason}`)
  const invalid = dropped.find(({ reason }) => reason === 'invalidJson')
  if (invalid !== undefined) problems.push(`payloads that are no JSON object: ${invalid.count}`)
  return { payloads: stored.map(({ payload }) => payload), logResult: problems.join('\n') }
}

function withLessTime(functions: FunctionDirectory, clock: Clock): FunctionDirectory {
  const until = clock.monotonic() + MAX_FUNCTION_MS
  return {
    invoke: (lambdaName, event) => functions.invoke(lambdaName, event, until - clock.monotonic()),
  }
}
