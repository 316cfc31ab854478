/** The API of AWS IoT Analytics, with AWS's own client. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as aws from '@aws-sdk/client-iotanalytics'
import { parseConfig } from '../../src/config/parse-config.ts'
import { checkStart } from '../../src/connector/checks/start-check.ts'
import type { ConfigInput, Connector } from '../../src/index.ts'
import { startConnector, temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const KEY = { accessKeyId: 'OPERATOR1', secretAccessKey: 'a-secret-of-the-operator' }
const ROLE = 'arn:aws:iam::000000000000:role/analytics'
const ARN = 'arn:aws:iotanalytics:us-east-1:000000000000'
const SOURCES = { batchPutMessage: {}, mqttServer: { port: 0 } }

async function startApi(
  t: TestContext,
  config: ConfigInput = { analytics: { api: {} } },
): Promise<{ client: aws.IoTAnalyticsClient; connector: Connector; url: string }> {
  const connector = await startConnector(t, { sources: SOURCES, ...config })
  const url = connector.describe().http ?? assert.fail('the HTTP server does not run')
  const client = clientOf(url)
  t.after(() => client.destroy())
  return { client, connector, url }
}

function clientOf(endpoint: string, credentials = KEY): aws.IoTAnalyticsClient {
  return new aws.IoTAnalyticsClient({
    endpoint,
    region: 'us-east-1',
    credentials: { ...credentials },
    maxAttempts: 1,
  })
}

const ACTIVITIES: aws.PipelineActivity[] = [
  { channel: { name: 'in', channelName: 'press', next: 'warm' } },
  { filter: { name: 'warm', filter: 'temp > 40', next: 'out' } },
  { datastore: { name: 'out', datastoreName: 'measured' } },
]
const QUERY: aws.DatasetAction = {
  actionName: 'warmest',
  queryAction: { sqlQuery: 'SELECT max(temp) FROM measured' },
}

/** A channel, a datastore, a pipeline and a dataset. */
async function defineAll(client: aws.IoTAnalyticsClient): Promise<void> {
  await client.send(new aws.CreateChannelCommand({ channelName: 'press' }))
  await client.send(new aws.CreateDatastoreCommand({ datastoreName: 'measured' }))
  const pipeline = { pipelineName: 'warm', pipelineActivities: ACTIVITIES }
  await client.send(new aws.CreatePipelineCommand(pipeline))
  await client.send(new aws.CreateDatasetCommand({ datasetName: 'report', actions: [QUERY] }))
}

test('channels are created, described, listed, updated and deleted', async (t) => {
  const { client } = await startApi(t)
  const retentionPeriod = { numberOfDays: 30 }

  const created = await client.send(
    new aws.CreateChannelCommand({ channelName: 'press', retentionPeriod }),
  )
  const storage = { serviceManagedS3: {} }
  await client.send(
    new aws.UpdateChannelCommand({ channelName: 'press', retentionPeriod: { unlimited: true } }),
  )
  const { channel } = await client.send(new aws.DescribeChannelCommand({ channelName: 'press' }))
  const { channelSummaries } = await client.send(new aws.ListChannelsCommand({}))
  const deleted = await client.send(new aws.DeleteChannelCommand({ channelName: 'press' }))

  assert.equal(created.$metadata.httpStatusCode, 201)
  assert.deepEqual(created.retentionPeriod, retentionPeriod)
  assert.equal(created.channelArn, `${ARN}:channel/press`)
  const { creationTime, lastUpdateTime, ...rest } = channel ?? {}
  assert.ok(creationTime instanceof Date && lastUpdateTime instanceof Date)
  assert.deepEqual(rest, {
    name: 'press',
    arn: `${ARN}:channel/press`,
    status: 'ACTIVE',
    storage,
    retentionPeriod: { unlimited: true },
  })
  const { channelName, status, channelStorage } = channelSummaries?.[0] ?? {}
  assert.deepEqual(
    { channelName, status, channelStorage },
    {
      channelName: 'press',
      status: 'ACTIVE',
      channelStorage: storage,
    },
  )
  assert.equal(deleted.$metadata.httpStatusCode, 204)
  await assert.rejects(client.send(new aws.DescribeChannelCommand({ channelName: 'press' })), {
    name: 'ResourceNotFoundException',
    message: 'There is no channel press.',
  })
})

test('a channel that got messages is there without a definition, with its statistics', async (t) => {
  const { client } = await startApi(t)
  const payload = Buffer.from('{"temp":41}')
  const messages = [{ messageId: 'm1', payload }]
  await client.send(new aws.BatchPutMessageCommand({ channelName: 'press', messages }))

  const { channel, statistics } = await client.send(
    new aws.DescribeChannelCommand({ channelName: 'press', includeStatistics: true }),
  )
  const { channelSummaries } = await client.send(new aws.ListChannelsCommand({}))
  const sample = await client.send(new aws.SampleChannelDataCommand({ channelName: 'press' }))

  assert.equal(channel?.status, 'ACTIVE')
  assert.ok(channel.lastMessageArrivalTime instanceof Date)
  assert.ok((statistics?.size?.estimatedSizeInBytes ?? 0) >= payload.length)
  assert.ok(statistics?.size?.estimatedOn instanceof Date)
  assert.deepEqual(
    channelSummaries?.map(({ channelName }) => channelName),
    ['press'],
  )
  assert.deepEqual(
    sample.payloads?.map((one) => Buffer.from(one)),
    [payload],
  )
})

test('a sample has the newest messages of the time that is asked for', async (t) => {
  const { client } = await startApi(t)
  const put = (payload: string) =>
    client.send(
      new aws.BatchPutMessageCommand({
        channelName: 'press',
        messages: [{ messageId: payload, payload: Buffer.from(payload) }],
      }),
    )
  for (const payload of ['1', '2', '3']) await put(payload)
  const sampled = async (query: object) => {
    const command = new aws.SampleChannelDataCommand({ channelName: 'press', ...query })
    const { payloads = [] } = await client.send(command)
    return payloads.map((payload) => Buffer.from(payload).toString())
  }
  const hour = 3_600_000
  const [before, after] = [new Date(Date.now() - hour), new Date(Date.now() + hour)]

  assert.deepEqual(await sampled({ maxMessages: 2 }), ['2', '3'])
  assert.deepEqual(await sampled({ startTime: before, endTime: after }), ['1', '2', '3'])
  assert.deepEqual(await sampled({ startTime: after }), [])
  assert.deepEqual(await sampled({ endTime: before }), [])
})

test('a deleted channel is hidden until another message arrives, and keeps its messages', async (t) => {
  const { client, connector } = await startApi(t)
  const put = (payload: string) =>
    client.send(
      new aws.BatchPutMessageCommand({
        channelName: 'press',
        messages: [{ messageId: payload, payload: Buffer.from(payload) }],
      }),
    )
  await put('before')
  await client.send(new aws.DeleteChannelCommand({ channelName: 'press' }))
  const hidden = await client.send(new aws.ListChannelsCommand({}))
  // A message of the millisecond in which the channel was deleted counts as one before.
  const deletedBefore = Date.now()
  await until('the clock has gone on', () => Date.now() > deletedBefore)
  await put('after')

  const { payloads } = await client.send(new aws.SampleChannelDataCommand({ channelName: 'press' }))

  assert.deepEqual(hidden.channelSummaries, [])
  assert.deepEqual(
    payloads?.map((one) => Buffer.from(one).toString()),
    ['after'],
  )
  assert.equal(connector.ledger()[0]?.received, 2)
})

test('lists come in pages, whose tokens only the same list takes', async (t) => {
  const { client } = await startApi(t)
  for (const channelName of ['c', 'a', 'b']) {
    await client.send(new aws.CreateChannelCommand({ channelName }))
  }

  const first = await client.send(new aws.ListChannelsCommand({ maxResults: 2 }))
  const { nextToken } = first
  const second = await client.send(new aws.ListChannelsCommand({ nextToken }))

  const namesOf = ({ channelSummaries = [] }: aws.ListChannelsCommandOutput) =>
    channelSummaries.map(({ channelName }) => channelName)
  assert.deepEqual(namesOf(first), ['a', 'b'])
  assert.deepEqual(namesOf(second), ['c'])
  assert.equal(second.nextToken, undefined)
  await assert.rejects(client.send(new aws.ListDatasetsCommand({ nextToken })), {
    name: 'InvalidRequestException',
    message: /nextToken: expected/,
  })
  await assert.rejects(client.send(new aws.ListChannelsCommand({ maxResults: 251 })), {
    message: 'maxResults: expected a whole number from 1 to 250, got "251"',
  })
})

test('pipelines are created, described, listed, updated and deleted', async (t) => {
  const { client } = await startApi(t)
  await defineAll(client)
  const [first, , last] = ACTIVITIES
  const shorter = [{ channel: { ...first?.channel, next: 'out' } }, last] as aws.PipelineActivity[]

  const before = await client.send(new aws.DescribePipelineCommand({ pipelineName: 'warm' }))
  await client.send(
    new aws.UpdatePipelineCommand({ pipelineName: 'warm', pipelineActivities: shorter }),
  )
  const after = await client.send(new aws.DescribePipelineCommand({ pipelineName: 'warm' }))
  const { pipelineSummaries } = await client.send(new aws.ListPipelinesCommand({}))
  await client.send(new aws.DeletePipelineCommand({ pipelineName: 'warm' }))

  assert.deepEqual(before.pipeline?.activities, ACTIVITIES)
  assert.equal(before.pipeline?.arn, `${ARN}:pipeline/warm`)
  assert.deepEqual(before.pipeline?.reprocessingSummaries, [])
  assert.deepEqual(after.pipeline?.activities, shorter)
  assert.deepEqual(
    pipelineSummaries?.map(({ pipelineName }) => pipelineName),
    ['warm'],
  )
  await assert.rejects(client.send(new aws.DescribePipelineCommand({ pipelineName: 'warm' })), {
    name: 'ResourceNotFoundException',
  })
})

test('datastores are created, described, listed, updated and deleted', async (t) => {
  const { client } = await startApi(t)
  const columns = [{ name: 'temp', type: 'double' }]
  const definition = {
    fileFormatConfiguration: { parquetConfiguration: { schemaDefinition: { columns } } },
    datastorePartitions: { partitions: [{ attributePartition: { attributeName: 'device' } }] },
  }
  const datastoreName = 'measured'
  const created = await client.send(
    new aws.CreateDatastoreCommand({ datastoreName, ...definition }),
  )
  await client.send(
    new aws.UpdateDatastoreCommand({ datastoreName, retentionPeriod: { numberOfDays: 7 } }),
  )

  const { datastore, statistics } = await client.send(
    new aws.DescribeDatastoreCommand({ datastoreName, includeStatistics: true }),
  )
  const { datastoreSummaries } = await client.send(new aws.ListDatastoresCommand({}))
  await client.send(new aws.DeleteDatastoreCommand({ datastoreName }))

  assert.equal(created.datastoreArn, `${ARN}:datastore/measured`)
  assert.deepEqual(datastore?.retentionPeriod, { numberOfDays: 7 })
  assert.deepEqual(datastore.fileFormatConfiguration, definition.fileFormatConfiguration)
  assert.deepEqual(datastore.datastorePartitions, definition.datastorePartitions)
  assert.equal(statistics?.size?.estimatedSizeInBytes, 0)
  assert.equal(datastoreSummaries?.[0]?.fileFormatType, 'PARQUET')
  await assert.rejects(client.send(new aws.DescribeDatastoreCommand({ datastoreName })), {
    name: 'ResourceNotFoundException',
  })
})

test('datasets are created, described, listed, updated and deleted', async (t) => {
  const { client } = await startApi(t)
  const datasetName = 'report'
  const triggers = [{ schedule: { expression: 'rate(15 minutes)' } }]
  const created = await client.send(
    new aws.CreateDatasetCommand({ datasetName, actions: [QUERY], triggers }),
  )
  const before = await client.send(new aws.ListDatasetsCommand({}))
  await client.send(new aws.UpdateDatasetCommand({ datasetName, actions: [QUERY] }))

  const { dataset } = await client.send(new aws.DescribeDatasetCommand({ datasetName }))
  await client.send(new aws.DeleteDatasetCommand({ datasetName }))

  assert.equal(created.datasetArn, `${ARN}:dataset/report`)
  const [summary] = before.datasetSummaries ?? []
  assert.deepEqual(summary?.actions, [{ actionName: 'warmest', actionType: 'QUERY' }])
  assert.deepEqual(summary?.triggers, triggers)
  assert.deepEqual(dataset?.actions, [QUERY])
  assert.equal(dataset.triggers, undefined, 'an update replaces the whole definition')
  await assert.rejects(client.send(new aws.DescribeDatasetCommand({ datasetName })), {
    name: 'ResourceNotFoundException',
  })
})

test('what is not there can’t be cancelled, got or deleted', async (t) => {
  const { client } = await startApi(t)
  await defineAll(client)
  const [pipelineName, datasetName] = ['warm', 'report']
  const missing = { name: 'ResourceNotFoundException' }

  const cancel = new aws.CancelPipelineReprocessingCommand({ pipelineName, reprocessingId: 'r1' })
  await assert.rejects(client.send(cancel), missing)
  await assert.rejects(client.send(new aws.GetDatasetContentCommand({ datasetName })), missing)
  await assert.rejects(
    client.send(new aws.DeleteDatasetContentCommand({ datasetName, versionId: '$LATEST' })),
    missing,
  )
  const contents = await client.send(new aws.ListDatasetContentsCommand({ datasetName }))
  assert.deepEqual(contents.datasetContentSummaries, [])
})

test('tags are set when a resource is created, and changed by its ARN', async (t) => {
  const { client } = await startApi(t)
  const resourceArn = `${ARN}:channel/press`
  const tags = [{ key: 'site', value: 'north' }]
  await client.send(new aws.CreateChannelCommand({ channelName: 'press', tags }))
  const more = [
    { key: 'site', value: 'south' },
    { key: 'line', value: '3' },
  ]
  await client.send(new aws.TagResourceCommand({ resourceArn, tags: more }))
  const before = await client.send(new aws.ListTagsForResourceCommand({ resourceArn }))
  await client.send(new aws.UntagResourceCommand({ resourceArn, tagKeys: ['site', 'none'] }))

  const after = await client.send(new aws.ListTagsForResourceCommand({ resourceArn }))

  assert.deepEqual(before.tags, more)
  assert.deepEqual(after.tags, [{ key: 'line', value: '3' }])
  const tooMany = Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: 'v' }))
  await assert.rejects(client.send(new aws.TagResourceCommand({ resourceArn, tags: tooMany })), {
    name: 'LimitExceededException',
  })
  const elsewhere = 'arn:aws:iotanalytics:eu-west-1:111111111111:channel/press'
  await assert.rejects(
    client.send(new aws.ListTagsForResourceCommand({ resourceArn: elsewhere })),
    { name: 'ResourceNotFoundException' },
  )
})

test('logging options are stored', async (t) => {
  const { client } = await startApi(t)
  const loggingOptions = { roleArn: ROLE, level: 'ERROR' as const, enabled: true }
  await assert.rejects(client.send(new aws.DescribeLoggingOptionsCommand({})), {
    name: 'ResourceNotFoundException',
  })
  await client.send(new aws.PutLoggingOptionsCommand({ loggingOptions }))

  const stored = await client.send(new aws.DescribeLoggingOptionsCommand({}))

  assert.deepEqual(stored.loggingOptions, loggingOptions)
})

test('a resource that exists is not created again, and limits hold', async (t) => {
  const limits = { channels: 1 }
  const { client } = await startApi(t, { analytics: { api: { limits } } })
  await client.send(new aws.CreateChannelCommand({ channelName: 'press' }))

  await assert.rejects(client.send(new aws.CreateChannelCommand({ channelName: 'press' })), {
    name: 'ResourceAlreadyExistsException',
    resourceId: 'press',
    resourceArn: `${ARN}:channel/press`,
  })
  await assert.rejects(client.send(new aws.CreateChannelCommand({ channelName: 'other' })), {
    name: 'LimitExceededException',
    message: /analytics\.api\.limits\.channels/,
  })
})

test('only requests with a right signature get in, queries included', async (t) => {
  const credentials = [KEY]
  const http = { port: 0, token: 'a-token-for-the-others' }
  const { client, url } = await startApi(t, { http, analytics: { api: { credentials } } })
  const stranger = clientOf(url, { ...KEY, secretAccessKey: 'another-secret-of-nobody' })
  t.after(() => stranger.destroy())
  await client.send(new aws.CreateChannelCommand({ channelName: 'press' }))
  const resourceArn = `${ARN}:channel/press`
  const tags = [{ key: "it's a key (1) & more", value: 'ü' }]
  await client.send(new aws.TagResourceCommand({ resourceArn, tags }))
  const tagKeys = ['b', 'a', "it's a key (1) & more"]
  await client.send(new aws.UntagResourceCommand({ resourceArn, tagKeys }))

  const listed = await client.send(new aws.ListTagsForResourceCommand({ resourceArn }))

  assert.deepEqual(listed.tags, [])
  await assert.rejects(stranger.send(new aws.ListChannelsCommand({})), {
    name: 'InvalidSignatureException',
  })
  const unsigned = await fetch(`${url}/pipelines`)
  assert.equal(unsigned.status, 403)
  assert.equal(unsigned.headers.get('x-amzn-errortype'), 'MissingAuthenticationTokenException')
})

test('definitions outlive a restart', async (t) => {
  const { client, connector } = await startApi(t)
  await defineAll(client)
  const { storage } = connector.config
  await connector.stop({ deadlineMs: 0 })
  const { client: again } = await startApi(t, { storage, analytics: { api: {} } })

  const { pipeline } = await again.send(new aws.DescribePipelineCommand({ pipelineName: 'warm' }))
  const { datasetSummaries } = await again.send(new aws.ListDatasetsCommand({}))

  assert.deepEqual(pipeline?.activities, ACTIVITIES)
  assert.equal(datasetSummaries?.length, 1)
})

test('the list of channels for people is below /api/v1', async (t) => {
  const { client, url } = await startApi(t)
  await client.send(new aws.CreateChannelCommand({ channelName: 'press' }))

  const answer = await fetch(`${url}/api/v1/channels`)

  assert.deepEqual(await answer.json(), { channels: [], next: null })
})

test('the API needs the HTTP server and a data directory', () => {
  const analytics = { api: {} }

  assert.throws(() => parseConfig({ http: false, analytics }), {
    code: 'InvalidConfiguration',
    message: /analytics\.api.*: needs the HTTP server, but http is false/,
  })
  assert.throws(() => parseConfig({ storage: { durability: 'memory' }, analytics }), {
    message: /analytics\.api.*: keeps what it defines on disk, but storage\.durability is memory/,
  })
})

test('settings of what only the API defines are refused without it, because nothing would use them', () => {
  const pipelines = { functions: { decode: { module: 'decode.js' } } }
  const datasets = { inputs: { alarms: 'plant/alarms' } }

  assert.throws(() => parseConfig({ analytics: { pipelines, datasets } }), {
    code: 'InvalidConfiguration',
    message: /pipelines\.functions.*set analytics\.api[\s\S]*datasets\.inputs.*set analytics\.api/,
  })
})

test('a changed secret is used after a reload, and a faulty one changes nothing', async (t) => {
  const file = join(await temporaryDirectory(t), 'operator.secret')
  await writeFile(file, KEY.secretAccessKey)
  const { accessKeyId } = KEY
  const credentials = [{ accessKeyId, secretAccessKeyFile: file }]
  const { client, connector, url } = await startApi(t, { analytics: { api: { credentials } } })
  const secretAccessKey = 'the-next-secret-of-the-operator'
  const next = clientOf(url, { accessKeyId, secretAccessKey })
  t.after(() => next.destroy())

  await writeFile(file, 'short')
  await connector.reload()
  await client.send(new aws.ListPipelinesCommand({}))
  await writeFile(file, secretAccessKey)
  await connector.reload()

  await next.send(new aws.ListPipelinesCommand({}))
  await assert.rejects(client.send(new aws.ListPipelinesCommand({})), {
    name: 'InvalidSignatureException',
  })
})

test('a secret that can’t be read keeps the connector from starting, and check says so', async () => {
  const credentials = [{ accessKeyId: 'OPERATOR1', secretAccessKeyFile: '/nowhere/secret' }]
  const config = parseConfig({ analytics: { api: { credentials } } })

  const { problems } = await checkStart(config)

  const place = /analytics\.api\.credentials\[0\]\.secretAccessKeyFile/
  assert.ok(problems.some(({ message }) => place.test(message)))
})
