/** The examples with Kinesis and Firehose, while the services fail in part and connectors are killed. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectAsync } from 'mqtt'
import type { GateRecord, RecordsGate } from '../support/destinations/records-gate.ts'
import {
  firehoseSetup,
  kinesisSetup,
  type RecordsSetup,
  rowIn,
  rowsOf,
} from '../support/destinations/records-under-test.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import {
  MOTO_CREDENTIALS,
  MOTO_REGION,
  skipWithoutMoto,
  startMoto,
} from '../support/servers/moto.ts'
import { until } from '../support/until.ts'

const EXAMPLES = join(import.meta.dirname, '..', '..', '..', 'examples')
const TOPIC = 'iotanalytics/channels/temperature/messages/binary/put'
const MESSAGES = 1_000
const BATCH = 50
const ROUNDS = 3

const KINDS = [
  ['kinesis', 'stream', kinesisSetup, 'ProvisionedThroughputExceededException'],
  ['firehose', 'deliveryStream', firehoseSetup, 'ServiceUnavailableException'],
] as const

async function publishAll(t: TestContext, url: string): Promise<void> {
  const client = await connectAsync(url, { clientId: 'device', reconnectPeriod: 0 })
  t.after(() => client.end(true))
  const publishing = Array.from({ length: MESSAGES }, (_, n) =>
    client.publishAsync(TOPIC, `{"n":${n}}`, { qos: 1 }),
  )
  await Promise.all(publishing)
}

function countPut({ puts }: RecordsGate): number {
  return puts.reduce((count, { body }) => count + (body.Records?.length ?? 0), 0)
}

for (const [kind, target, setUp, code] of KINDS) {
  test(`examples/${kind}.yaml: throttled and killed, nothing is lost, and only what was on its way comes twice`, {
    skip: skipWithoutMoto,
  }, async (t) => {
    const setup: RecordsSetup<unknown> = await setUp(t, await startMoto(t))
    const { gate, name } = setup
    const data = await temporaryDirectory(t)
    const settings = [
      `${kind}.endpoint=${gate.url}`,
      `${kind}.${target}=${name}`,
      `${kind}.region=${MOTO_REGION}`,
      `batch.messages=${BATCH}`,
      'batch.interval=10ms',
    ].flatMap((one) => ['--set', `destinations[0].${one}`])
    const env = {
      AWS_ACCESS_KEY_ID: MOTO_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: MOTO_CREDENTIALS.secretAccessKey,
    }
    const example = join(EXAMPLES, `${kind}.yaml`)
    const start = () => {
      const args = ['--config', example, '--data', data, ...settings]
      return new ConnectorProcess(t, args, { env }).started()
    }
    let refused = 0
    gate.failing = (record: GateRecord) => {
      if (rowIn(record).offset % 7 !== 3 || refused >= 60) return undefined
      refused++
      return { code, message: 'Slow down.' }
    }
    let connector = await start()
    await publishAll(t, connector.mqttUrl)

    for (let round = 0; round < ROUNDS; round++) {
      const before = countPut(gate)
      gate.set('lose-answers')
      await until('a batch is on its way', () => countPut(gate) > before)
      await connector.crash()
      gate.set(undefined)
      connector = await start()
    }
    const offsets = async () => (await rowsOf(setup)).map(({ offset }) => offset)
    await until('all are there', async () => new Set(await offsets()).size === MESSAGES)
    connector.signal('SIGTERM')
    assert.equal((await connector.ends()).code, 0)

    const found = await offsets()
    // Without an answer a batch is sent up to three times before the connector is killed.
    assert.ok(found.length <= MESSAGES + ROUNDS * 3 * BATCH, `${found.length} records`)
    assert.ok(refused > 0)
  })
}
