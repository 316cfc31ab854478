/** The connector is killed while it makes contents. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import * as aws from '@aws-sdk/client-iotanalytics'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { isRunning } from '../support/processes/is-running.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { Random } from '../support/random.ts'
import { until } from '../support/until.ts'

const skip = WITHOUT_DUCKDB
const datasetName = 'report'
const ROUNDS = Number(process.env['DATASET_KILLS'] ?? 3)
/** Long enough to be killed in all of its steps. */
const SQL = 'SELECT range AS id FROM range(100000) ORDER BY id'
const EXPECTED_BYTES = Buffer.byteLength('"id"\n') + linesOf(100_000)

function linesOf(count: number): number {
  let bytes = 0
  for (let id = 0; id < count; id++) bytes += `"${id}"\n`.length
  return bytes
}

function clientOf(program: ConnectorProcess): aws.IoTAnalyticsClient {
  return new aws.IoTAnalyticsClient({
    endpoint: program.httpUrl,
    region: 'us-east-1',
    credentials: { accessKeyId: 'OPERATOR1', secretAccessKey: 'a-secret-of-the-operator' },
    maxAttempts: 1,
  })
}

test('no version that was promised is lost or half made, whenever the program is killed', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const random = new Random(Date.now())
  const args = ['--data', directory, '--set', 'analytics.api={}']
  const promised: string[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const program = await new ConnectorProcess(t, args).started()
    const client = clientOf(program)
    if (round === 0) {
      const actions = [{ actionName: 'sql', queryAction: { sqlQuery: SQL } }]
      const versioningConfiguration = { unlimited: true }
      await client.send(
        new aws.CreateDatasetCommand({ datasetName, actions, versioningConfiguration }),
      )
    }
    const { versionId } = await client.send(new aws.CreateDatasetContentCommand({ datasetName }))
    promised.push(versionId ?? '')
    // A random moment is the point of the test, not something to wait for.
    await wait(random.below(1_500))
    await program.crash()
    client.destroy()
  }
  const program = await new ConnectorProcess(t, args).started()
  const client = clientOf(program)
  t.after(() => client.destroy())
  const list = async () => {
    const { datasetContentSummaries = [] } = await client.send(
      new aws.ListDatasetContentsCommand({ datasetName }),
    )
    return datasetContentSummaries
  }

  await until(
    'everything is made',
    async () => (await list()).every(({ status }) => status?.state !== 'CREATING'),
    120_000,
  )

  const found = await list()
  assert.deepEqual(found.map(({ version }) => version).sort(), promised.sort())
  for (const { version: versionId, status } of found) {
    // Only one that has been begun three times may have been given up.
    if (status?.state === 'FAILED') assert.match(status.reason ?? '', /was ended 3 times/)
    else {
      const { entries } = await client.send(
        new aws.GetDatasetContentCommand({ datasetName, versionId }),
      )
      const answer = await fetch(entries?.[0]?.dataURI ?? '')
      assert.equal((await answer.arrayBuffer()).byteLength, EXPECTED_BYTES)
    }
  }
  program.signal('SIGTERM')
  await program.ends()
  const { stdout, code } = await runCommand(t, ['doctor', '--data', directory])
  assert.equal(code, 0, stdout)
})

/** Ignores what it can, and so does what it has started. */
const STUBBORN = `
process.on('SIGTERM', () => {})
const { spawn } = require('node:child_process'), { writeFileSync, renameSync } = require('node:fs')
const own = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
writeFileSync(process.env.PIDS + '.new', process.pid + ' ' + own.pid)
renameSync(process.env.PIDS + '.new', process.env.PIDS)
for (;;);`

test('the program of a container action does not outlive a connector that is killed', {
  skip: process.platform !== 'linux' && 'needs /proc',
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const config = join(directory, 'connector.json')
  const PIDS = join(directory, 'pids')
  const image = 'stubborn:1'
  const command = [process.execPath, '-e', STUBBORN]
  const containers = { [image]: { command, environment: { PIDS } } }
  await writeFile(config, JSON.stringify({ analytics: { api: {}, datasets: { containers } } }))
  const args = ['--config', config, '--data', join(directory, 'data')]
  const connector = await new ConnectorProcess(t, args).started()
  const client = clientOf(connector)
  t.after(() => client.destroy())
  const containerAction = {
    image,
    executionRoleArn: 'arn:aws:iam::000000000000:role/analytics',
    resourceConfiguration: { computeType: 'ACU_1', volumeSizeInGB: 1 },
  } as const
  const actions = [{ actionName: 'program', containerAction }]
  await client.send(new aws.CreateDatasetCommand({ datasetName, actions }))
  await client.send(new aws.CreateDatasetContentCommand({ datasetName }))
  let pids: number[] = []
  await until('the program runs', () => {
    try {
      pids = readFileSync(PIDS, 'utf8').split(' ').map(Number)
    } catch {
      // Not yet.
    }
    return pids.length === 2
  })
  assert.ok(pids.every(isRunning))

  await connector.crash()

  await until('neither the program nor what it has started is running', () => !pids.some(isRunning))
})
