/** The API against the description of it that botocore has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constraintCases } from '../support/analytics/constraint-cases.ts'
import { CountedContents, EchoingPipelines, serveApi } from '../support/analytics/served-api.ts'
import {
  type Input,
  readModel,
  requestOf,
  type ServiceModel,
  shapeProblems,
} from '../support/analytics/service-model.ts'

const model = readModel()
const skip = model === undefined && 'botocore is missing: apt-get install python3-boto3'
/** The source batchPutMessage takes it, and has tests of its own. */
const ELSEWHERE = 'BatchPutMessage'

const ARN = 'arn:aws:iotanalytics:us-east-1:000000000000'
const ROLE = `arn:aws:iam::000000000000:role/r`
const ACTIVITIES = [
  { channel: { name: 'in', channelName: 'press', next: 'out' } },
  { datastore: { name: 'out', datastoreName: 'measured' } },
]
const QUERY = { actionName: 'all', queryAction: { sqlQuery: 'SELECT * FROM measured' } }
const [channelName, datastoreName] = ['press', 'measured']
const [pipelineName, datasetName] = ['warm', 'report']
const resourceArn = `${ARN}:channel/press`
const tags = [{ key: 'site', value: 'north' }]

/** Every operation, in an order in which all succeed. */
const WALK: readonly (readonly [operation: string, input: Input])[] = [
  ['CreateChannel', { channelName, retentionPeriod: { numberOfDays: 3 }, tags }],
  ['UpdateChannel', { channelName, retentionPeriod: { unlimited: true } }],
  ['DescribeChannel', { channelName, includeStatistics: true }],
  ['ListChannels', { maxResults: 1 }],
  ['SampleChannelData', { channelName, startTime: '2017-07-14T02:40:00.123Z' }],
  ['CreateDatastore', { datastoreName }],
  ['UpdateDatastore', { datastoreName, retentionPeriod: { numberOfDays: 3 } }],
  ['DescribeDatastore', { datastoreName, includeStatistics: true }],
  ['ListDatastores', {}],
  ['CreatePipeline', { pipelineName, pipelineActivities: ACTIVITIES }],
  ['UpdatePipeline', { pipelineName, pipelineActivities: ACTIVITIES }],
  ['StartPipelineReprocessing', { pipelineName, startTime: 1_700_000_000.5 }],
  ['DescribePipeline', { pipelineName }],
  ['ListPipelines', {}],
  ['CancelPipelineReprocessing', { pipelineName, reprocessingId: 'run-0' }],
  [
    'RunPipelineActivity',
    { pipelineActivity: { filter: { name: 'f', filter: 'a > 1' } }, payloads: ['e30='] },
  ],
  ['CreateDataset', { datasetName, actions: [QUERY], retentionPeriod: { unlimited: true } }],
  ['UpdateDataset', { datasetName, actions: [QUERY] }],
  ['DescribeDataset', { datasetName }],
  ['ListDatasets', {}],
  ['CreateDatasetContent', { datasetName, versionId: 'version-of-mine' }],
  ['GetDatasetContent', { datasetName, versionId: '$LATEST' }],
  ['ListDatasetContents', { datasetName, scheduledBefore: '2037-01-01T00:00:00Z' }],
  ['DeleteDatasetContent', { datasetName }],
  ['TagResource', { resourceArn, tags }],
  ['ListTagsForResource', { resourceArn }],
  ['UntagResource', { resourceArn, tagKeys: ['site', 'line'] }],
  ['PutLoggingOptions', { loggingOptions: { roleArn: ROLE, level: 'ERROR', enabled: true } }],
  ['DescribeLoggingOptions', {}],
  ['DeleteDataset', { datasetName }],
  ['DeletePipeline', { pipelineName }],
  ['DeleteDatastore', { datastoreName }],
  ['DeleteChannel', { channelName }],
]

test('every operation has the path, the status and the answer of the model', {
  skip,
}, async (t) => {
  const described = model ?? assert.fail('no model')
  const { url, channelData } = await serveApi(t, {
    pipelineRunner: new EchoingPipelines(),
    datasetRunner: new CountedContents(),
  })
  channelData.add('press', 1_600_000_000_000, '{"temp":41}')
  channelData.add('valves', 1_600_000_000_000, '{"temp":42}')

  for (const [name, input] of WALK) {
    const operation = described.operations[name] ?? assert.fail(`no operation ${name}`)
    const { path, init } = requestOf(described, operation, input)
    const answer = await fetch(`${url}${path}`, init)
    const text = await answer.text()

    assert.equal(answer.status, operation.http.responseCode ?? 200, `${name}: ${text}`)
    const output = operation.output?.shape
    const problems = output === undefined || text === '' ? [] : problemsOf(described, output, text)
    assert.deepEqual(problems, [], name)
    assert.equal(text === '', Object.keys(membersOf(described, output)).length === 0, name)
  }
  const walked = new Set(WALK.map(([name]) => name))
  const missing = Object.keys(described.operations).filter((name) => !walked.has(name))
  assert.deepEqual(missing, [ELSEWHERE])
})

test('each constraint holds, just inside and just outside', { skip }, async (t) => {
  const described = model ?? assert.fail('no model')
  const { url } = await serveApi(t, {
    pipelineRunner: new EchoingPipelines(),
    datasetRunner: new CountedContents(),
  })
  const wrong: string[] = []
  let tried = 0
  for (const [name, operation] of Object.entries(described.operations)) {
    if (name === ELSEWHERE) continue
    for (const { member, what, isValid, input } of constraintCases(described, operation)) {
      const { path, init } = requestOf(described, operation, input)
      const answer = await fetch(`${url}${path}`, init)
      const text = await answer.text()
      tried += 1
      const isRefused = answer.status === 400 && namesMember(text, member)
      const isRight = isValid ? answer.status !== 400 || isBoundElsewhere(member) : isRefused
      if (isRight && !(isValid && isRefused)) continue
      wrong.push(`${name} ${member}, ${what}: ${answer.status} ${text.slice(0, 200)}`)
    }
  }

  assert.deepEqual(wrong, [])
  assert.ok(tried > 1_000, `only ${tried} cases`)
})

function namesMember(text: string, member: string): boolean {
  return [`"${member}: expected`, `; ${member}: expected`].some((start) => text.includes(start))
}

/** Refused for what is around it: a pipeline of one activity, a dataset trigger without container. */
function isBoundElsewhere(member: string): boolean {
  return /^(pipelineActivities\[0]|triggers\[0]\.dataset|pipelineActivity\.(channel|datastore))(\.|$)/.test(
    member,
  )
}

function problemsOf(described: ServiceModel, output: string, text: string): string[] {
  return shapeProblems(described, output, JSON.parse(text))
}

function membersOf({ shapes }: ServiceModel, name = ''): object {
  return shapes[name]?.members ?? {}
}
