/** Messages that a pipeline cannot process: some wait, some fail and are kept, all can be repeated. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as aws from '@aws-sdk/client-iotanalytics'
import type { ConfigInput } from '../../src/index.ts'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { startConnector, temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const skip = WITHOUT_DUCKDB
const ROLE = 'arn:aws:iam::123456789012:role/MyEnrichRole'
const ENRICH = {
  deviceRegistryEnrich: {
    name: 'enrich',
    attribute: 'thing_facts',
    thingName: 'thing',
    roleArn: ROLE,
    next: 'out',
  },
}

type Pipelines = NonNullable<NonNullable<ConfigInput['analytics']>['pipelines']>

/** A pipeline from the channel `press` to the datastore `measured`, through the activity. */
async function startPipeline(
  t: TestContext,
  pipelines: Pipelines,
  activity: aws.PipelineActivity,
  name: string,
) {
  const directory = await temporaryDirectory(t)
  const connector = await startConnector(t, {
    sources: { batchPutMessage: {} },
    storage: { directory },
    analytics: { api: {}, pipelines: { interval: '1s', ...pipelines } },
  })
  const url = connector.describe().http ?? assert.fail('the HTTP server does not run')
  const client = new aws.IoTAnalyticsClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' },
    maxAttempts: 1,
  })
  t.after(() => client.destroy())
  await client.send(new aws.CreateChannelCommand({ channelName: 'press' }))
  await client.send(new aws.CreateDatastoreCommand({ datastoreName: 'measured' }))
  const pipelineActivities = [
    { channel: { name: 'in', channelName: 'press', next: name } },
    activity,
    { datastore: { name: 'out', datastoreName: 'measured' } },
  ]
  const pipeline = { pipelineName: 'warm', pipelineActivities }
  await client.send(new aws.CreatePipelineCommand(pipeline))
  const put = async (...payloads: object[]) => {
    const messages = payloads.map((payload, index) => ({
      messageId: `m${index}`,
      payload: Buffer.from(JSON.stringify(payload)),
    }))
    await client.send(new aws.BatchPutMessageCommand({ channelName: 'press', messages }))
  }
  /** Values of `n` in the datastore; none while it is empty. */
  const stored = async (): Promise<number[]> => {
    const answer = await fetch(`${url}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        sql: 'select n from datastores.measured order by n',
        format: 'jsonl',
      }),
    })
    if (!answer.ok) return []
    const lines = (await answer.text()).split('\n').filter((line) => line.startsWith('{'))
    return lines.map((line) => JSON.parse(line).n)
  }
  const failures = async () => {
    const args = ['pipeline-failures', 'warm', '--data', directory, '--json']
    const { stdout } = await runCommand(t, args)
    const lines = stdout.split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line))
  }
  return { client, put, stored, failures, url }
}

test('a message of an unknown thing is kept with its reason, until it is processed again', {
  skip,
}, async (t) => {
  const file = join(await temporaryDirectory(t), 'things.json')
  await writeFile(file, '{"a": {"site": "north"}}')
  const pipelines = { registry: { file } }
  const { client, put, stored, failures, url } = await startPipeline(t, pipelines, ENRICH, 'enrich')

  await put({ n: 1, thing: 'a' }, { n: 2, thing: 'b' }, { n: 3 })
  await until('the first message is stored', async () => (await stored()).join() === '1')
  const [unknown, nameless, ...more] = await failures()
  const metrics = await (await fetch(`${url}/metrics`)).text()
  await writeFile(file, '{"a": {"site": "north"}, "b": {"site": "south"}}')
  await until('the file is read again', async () => {
    const command = new aws.RunPipelineActivityCommand({
      pipelineActivity: ENRICH,
      payloads: [Buffer.from('{"thing":"b"}')],
    })
    return (await client.send(command)).logResult === ''
  })
  await client.send(new aws.StartPipelineReprocessingCommand({ pipelineName: 'warm' }))

  await until('the second message is stored too', async () => (await stored()).join() === '1,2')
  assert.equal(unknown.reason, 'the thing "b" is not in the device registry')
  assert.deepEqual([unknown.activity, unknown.payload], ['enrich', '{"n":2,"thing":"b"}'])
  assert.equal(nameless.reason, 'expected text in thing, got missing')
  assert.deepEqual(more, [])
  assert.match(metrics, /pipeline_failures_total\{pipeline="warm"\} 2/)
  await until('one failure is left', async () => (await failures()).length === 1)
  assert.equal((await failures())[0].payload, '{"n":3}')
})

test('messages wait while the file of things is missing, and are all stored once afterwards', {
  skip,
}, async (t) => {
  const file = join(await temporaryDirectory(t), 'things.json')
  const pipelines = { registry: { file } }
  const { put, stored, failures, url } = await startPipeline(t, pipelines, ENRICH, 'enrich')

  await put({ n: 1, thing: 'a' }, { n: 2, thing: 'a' })
  await until('the file is missed', async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    return /pipeline_log_lines_total\{source="analytics.pipelines.registry"\} [1-9]/.test(metrics)
  })
  const before = { stored: await stored(), failures: await failures() }
  await writeFile(file, '{"a": {"site": "north"}}')
  await put({ n: 3, thing: 'a' })

  assert.deepEqual(before, { stored: [], failures: [] })
  await until('all are stored', async () => (await stored()).length >= 3)
  assert.deepEqual(await stored(), [1, 2, 3])
  assert.deepEqual(await failures(), [])
})

test('a function that fails keeps the messages of its calls, and the others are stored', {
  skip,
}, async (t) => {
  const module = join(await temporaryDirectory(t), 'decode.mjs')
  await writeFile(
    module,
    `export const handler = ([one]) => {
       if (one.n % 2 === 0) throw new Error('even')
       return [one]
     }`,
  )
  const functions = { decode: { module } }
  const lambda = { name: 'l', lambdaName: 'decode', batchSize: 1, next: 'out' }
  const { put, stored, failures } = await startPipeline(t, { functions }, { lambda }, 'l')

  await put(...Array.from({ length: 20 }, (_, n) => ({ n })))

  await until('the odd ones are stored', async () => (await stored()).length === 10)
  const kept = await failures()
  assert.deepEqual(
    kept.map(({ payload }) => JSON.parse(payload).n),
    Array.from({ length: 10 }, (_, n) => 2 * n),
  )
  assert.equal(kept[0].reason, 'the function decode failed: Error: even')
})
