/** Operations that run pipelines: one activity on payloads, and reprocessing. */
import type * as z from 'zod'
import { ServiceException } from '../../../aws-server/service-answer.ts'
import { MAX_PAYLOAD_BYTES } from '../../../message.ts'
import { pipelineActivity } from '../../resources/pipeline-activity.ts'
import { listOf, members, text, timeInSeconds } from '../../resources/values.ts'
import { invalid, notFound, unsupported } from './exceptions.ts'
import { blob, bodyOf, nameOf, parameterOf } from './input.ts'
import type { ApiContext, Call, Operation } from './operation.ts'

const BOUNDED = `expected at most ${MAX_PAYLOAD_BYTES} bytes`
const activityRun = members({
  pipelineActivity,
  payloads: listOf(
    blob.refine(({ length }) => length <= MAX_PAYLOAD_BYTES, BOUNDED),
    1,
    10,
  ),
})

const s3Path = text({
  max: 1_024,
  pattern: /^[a-zA-Z0-9/_!'(){}*\s.\-=:]+$/,
  like: "of A-Z a-z 0-9 / _ ! ' ( ) { } * . - = : and white space",
})
const reprocessing = members({
  startTime: timeInSeconds.optional(),
  endTime: timeInSeconds.optional(),
  channelMessages: members({ s3Paths: listOf(s3Path, 1, 100).optional() }).optional(),
})

const reprocessingId = text({ max: 128 })

export function pipelineRunOperations(context: ApiContext): readonly Operation[] {
  return [
    {
      name: 'RunPipelineActivity',
      method: 'POST',
      path: '/pipelineactivities/run',
      status: 200,
      run: (call) => runActivity(context, bodyOf(activityRun, call)),
    },
    {
      name: 'StartPipelineReprocessing',
      method: 'POST',
      path: '/pipelines/:pipelineName/reprocessing',
      status: 200,
      run: (call) => {
        const asked = bodyOf(reprocessing, call)
        return startReprocessing(context, pipelineOf(context, call), asked)
      },
    },
    {
      name: 'CancelPipelineReprocessing',
      method: 'DELETE',
      path: '/pipelines/:pipelineName/reprocessing/:reprocessingId',
      status: 200,
      run: async (call) => {
        const id = parameterOf('reprocessingId', reprocessingId, call)
        const pipeline = pipelineOf(context, call)
        if (await context.pipelineRunner?.cancelReprocessing(pipeline, id)) return undefined
        const message = `There is no reprocessing with that id for pipeline ${pipeline}.`
        throw new ServiceException('ResourceNotFoundException', message)
      },
    },
  ]
}

async function runActivity(
  { pipelineRunner }: ApiContext,
  { pipelineActivity: activity, payloads }: z.infer<typeof activityRun>,
): Promise<object> {
  if (activity.channel !== undefined || activity.datastore !== undefined) {
    throw invalid('pipelineActivity: expected another activity than channel and datastore')
  }
  if (pipelineRunner === undefined) throw unsupported('RunPipelineActivity', 'pipelines')
  const { payloads: results, logResult } = await pipelineRunner.runActivity(activity, payloads)
  return { payloads: results.map((payload) => payload.toString('base64')), logResult }
}

async function startReprocessing(
  { pipelineRunner }: ApiContext,
  pipeline: string,
  { startTime: from, endTime: until, channelMessages }: z.infer<typeof reprocessing>,
): Promise<object> {
  if (channelMessages !== undefined && (from !== undefined || until !== undefined)) {
    throw invalid('channelMessages: expected either channelMessages or startTime and endTime')
  }
  if (from !== undefined && until !== undefined && from >= until) {
    throw invalid('startTime: expected a time before endTime')
  }
  if (pipelineRunner === undefined) throw unsupported('StartPipelineReprocessing', 'pipelines')
  if (channelMessages !== undefined) {
    throw invalid(
      'channelMessages: expected startTime and endTime, because channels are not in S3 here',
    )
  }
  return { reprocessingId: await pipelineRunner.startReprocessing(pipeline, { from, until }) }
}

/** @throws {ServiceException} */
function pipelineOf({ resources }: ApiContext, call: Call): string {
  const name = nameOf('pipelineName', call)
  if (resources.pipelines.get(name) === undefined) throw notFound({ kind: 'pipeline', name })
  return name
}
