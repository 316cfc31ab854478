/** Contents of datasets, with AWS's own client: made, got by URL, deleted. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import * as aws from '@aws-sdk/client-iotanalytics'
import type { ConfigInput, Connector } from '../../src/index.ts'
import { endedContent } from '../support/analytics/ended-content.ts'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { startConnector } from '../support/processes/running-connector.ts'

const skip = WITHOUT_DUCKDB
const KEY = { accessKeyId: 'OPERATOR1', secretAccessKey: 'a-secret-of-the-operator' }
const datasetName = 'report'

interface Rig {
  readonly client: aws.IoTAnalyticsClient
  readonly connector: Connector
  readonly url: string
}

async function start(t: TestContext, config: ConfigInput = {}): Promise<Rig> {
  const sources = { batchPutMessage: {}, mqttServer: { port: 0 } }
  const connector = await startConnector(t, { sources, analytics: { api: {} }, ...config })
  const url = connector.describe().http ?? assert.fail('the HTTP server does not run')
  const region = 'us-east-1'
  const client = new aws.IoTAnalyticsClient({ endpoint: url, region, credentials: { ...KEY } })
  t.after(() => client.destroy())
  return { client, connector, url }
}

async function put({ connector }: Rig, ...payloads: object[]): Promise<void> {
  for (const payload of payloads) await connector.publish('press', JSON.stringify(payload))
}

function define({ client }: Rig, sqlQuery: string, more: object = {}): Promise<object> {
  const actions = [{ actionName: 'query', queryAction: { sqlQuery } }]
  return client.send(new aws.CreateDatasetCommand({ datasetName, actions, ...more }))
}

/** Makes content and waits for its end. */
async function made({ client }: Rig): Promise<aws.GetDatasetContentCommandOutput> {
  const { versionId } = await client.send(new aws.CreateDatasetContentCommand({ datasetName }))
  return await endedContent(client, { datasetName, versionId })
}

test('content is made, and its URL leads to fully quoted CSV', { skip }, async (t) => {
  const rig = await start(t)
  await put(rig, { device: 'a', temp: 41.5 }, { device: 'b "2"' })
  await define(rig, 'SELECT device, temp FROM press ORDER BY device')

  const { entries, status, timestamp } = await made(rig)
  const answer = await fetch(entries?.[0]?.dataURI ?? '')

  assert.deepEqual(status, { state: 'SUCCEEDED' })
  assert.ok(timestamp instanceof Date)
  assert.equal(entries?.length, 1)
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /^text\/csv/)
  assert.equal(await answer.text(), '"device","temp"\n"a","41.5"\n"b ""2""",\n')
})

test('a URL needs no token, and nothing else in its place works', { skip }, async (t) => {
  const http = { port: 0, token: 'a-token-for-the-others' }
  const credentials = [{ ...KEY }]
  const rig = await start(t, { http, analytics: { api: { credentials } } })
  await put(rig, { temp: 1 })
  await define(rig, 'SELECT temp FROM press')
  const { entries } = await made(rig)
  const dataUri = entries?.[0]?.dataURI ?? ''
  const altered = new URL(dataUri)
  altered.searchParams.set('expires', '99999999999')
  const elsewhere = dataUri.replace('/0/result.csv', '/0/..%2f..%2furl.key')

  const right = await fetch(dataUri)
  const head = await fetch(dataUri, { method: 'HEAD' })
  const part = await fetch(dataUri, { headers: { range: 'bytes=1-4' } })
  const refused = await Promise.all([
    fetch(altered),
    fetch(elsewhere),
    fetch(dataUri.split('?')[0] ?? ''),
  ])

  assert.deepEqual([right.status, await right.text()], [200, '"temp"\n"1"\n'])
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '11'])
  const range = part.headers.get('content-range')
  assert.deepEqual([part.status, range, await part.text()], [206, 'bytes 1-4/11', 'temp'])
  for (const answer of refused) {
    const text = await answer.text()
    assert.equal(answer.status, 403, text)
    assert.match(text, /<Code>SignatureDoesNotMatch<\/Code>/)
  }
})

test('SQL that can’t be run gives a failed version with the reason', { skip }, async (t) => {
  const rig = await start(t)
  await put(rig, { temp: 1 })
  await define(rig, 'SELECT nonsense FROM press')

  const { status, entries } = await made(rig)

  assert.equal(status?.state, 'FAILED')
  assert.match(status.reason ?? '', /nonsense/)
  assert.deepEqual(entries, [])
  await assert.rejects(rig.client.send(new aws.GetDatasetContentCommand({ datasetName })), {
    name: 'ResourceNotFoundException',
  })
})

test('contents are listed, outlive a restart, and are deleted', { skip }, async (t) => {
  const rig = await start(t)
  await put(rig, { temp: 1 })
  const versioningConfiguration = { maxVersions: 2 }
  await define(rig, 'SELECT temp FROM press', { versioningConfiguration })
  for (let times = 0; times < 3; times++) await made(rig)
  const { storage } = rig.connector.config
  await rig.connector.stop({ deadlineMs: 0 })
  const again = await start(t, { storage })
  const list = () => again.client.send(new aws.ListDatasetContentsCommand({ datasetName }))

  const { datasetContentSummaries = [] } = await list()
  const { entries } = await again.client.send(new aws.GetDatasetContentCommand({ datasetName }))
  const content = await (await fetch(entries?.[0]?.dataURI ?? '')).text()
  await again.client.send(new aws.DeleteDatasetContentCommand({ datasetName }))
  const left = await list()
  await again.client.send(new aws.DeleteDatasetCommand({ datasetName }))
  const gone = await fetch(entries?.[0]?.dataURI ?? '')

  assert.equal(datasetContentSummaries.length, 2)
  assert.deepEqual(
    datasetContentSummaries.map(({ status }) => status?.state),
    ['SUCCEEDED', 'SUCCEEDED'],
  )
  assert.equal(content, '"temp"\n"1"\n')
  assert.equal(left.datasetContentSummaries?.length, 1)
  assert.equal(gone.status, 404)
})
