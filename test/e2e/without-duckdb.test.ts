/** Pipelines on a machine where DuckDB is missing at first, and installed later. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import * as aws from '@aws-sdk/client-iotanalytics'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { compiledWithoutDuckdb } from '../support/processes/without-duckdb.ts'
import { until } from '../support/until.ts'

const skip = WITHOUT_DUCKDB
const INSTALL = /npm install @duckdb\/node-api@/

test('without DuckDB the connector runs and says what to install, and pipelines lose no message', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const script = join(await compiledWithoutDuckdb(t), 'cli', 'main.js')
  const directory = await temporaryDirectory(t)
  const config = join(directory, 'connector.json')
  const analytics = { api: {}, pipelines: { interval: '1s' } }
  await writeFile(config, JSON.stringify({ sources: { batchPutMessage: {} }, analytics }))
  const args = ['--config', config, '--data', join(directory, 'data')]
  const start = (options: object) => {
    return new ConnectorProcess(t, args, { withMqttServer: false, ...options }).started()
  }
  const clientOf = ({ httpUrl }: ConnectorProcess) => {
    const client = new aws.IoTAnalyticsClient({
      endpoint: httpUrl,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' },
      maxAttempts: 1,
    })
    t.after(() => client.destroy())
    return client
  }
  const put = (client: aws.IoTAnalyticsClient, n: number) => {
    const messages = [{ messageId: `m${n}`, payload: Buffer.from(`{"n":${n}}`) }]
    return client.send(new aws.BatchPutMessageCommand({ channelName: 'press', messages }))
  }
  const query = (url: string) =>
    fetch(`${url}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql: 'select n from measured order by n', format: 'jsonl' }),
    })

  const check = await runCommand(t, ['check', '--config', config], { script })
  const without = await start({ script })
  const client = clientOf(without)
  await client.send(new aws.CreateChannelCommand({ channelName: 'press' }))
  await client.send(new aws.CreateDatastoreCommand({ datastoreName: 'measured' }))
  const pipelineActivities = [
    { channel: { name: 'in', channelName: 'press', next: 'out' } },
    { datastore: { name: 'out', datastoreName: 'measured' } },
  ]
  const pipeline = { pipelineName: 'warm', pipelineActivities }
  await client.send(new aws.CreatePipelineCommand(pipeline))
  await put(client, 1)
  await put(client, 2)
  await until('the pipeline waits', async () => {
    const metrics = await (await fetch(`${without.httpUrl}/metrics`)).text()
    const delays = /pipeline_delays_total\{[^}]*code="AnalyticsUnavailable"[^}]*\} [1-9]/
    return delays.test(metrics) && /pipeline_waiting_messages\{pipeline="warm"\} 2/.test(metrics)
  })
  const health = await (await fetch(`${without.httpUrl}/health`)).text()
  const refused = await query(without.httpUrl)
  await without.crash()
  const connector = await start({})
  await put(clientOf(connector), 3)

  assert.match(check.stdout + check.stderr, INSTALL)
  assert.equal(JSON.parse(health).ready, true)
  assert.equal(refused.status, 503)
  assert.match(await refused.text(), INSTALL)
  let rows: number[] = []
  await until('all messages are stored', async () => {
    const text = await (await query(connector.httpUrl)).text()
    const lines = text.split('\n').filter((line) => line.startsWith('{"n"'))
    rows = lines.map((line) => JSON.parse(line).n)
    return rows.length >= 3
  })
  assert.deepEqual(rows, [1, 2, 3])
  const failures = await runCommand(t, ['pipeline-failures', 'warm', '--json', ...args.slice(2)])
  assert.equal(failures.stdout, '')
})
