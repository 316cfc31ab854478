/** The program is killed while it makes contents: every version it has promised is whole later. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import * as aws from '@aws-sdk/client-iotanalytics'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
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

test('no version that was promised is lost or half made, whenever the program is killed', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const random = new Random(Date.now())
  const args = ['--data', directory, '--set', 'analytics.api={}']
  const promised: string[] = []
  const clientOf = (program: ConnectorProcess) =>
    new aws.IoTAnalyticsClient({
      endpoint: program.httpUrl,
      region: 'us-east-1',
      credentials: { accessKeyId: 'OPERATOR1', secretAccessKey: 'a-secret-of-the-operator' },
      maxAttempts: 1,
    })
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
