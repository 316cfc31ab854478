/**
 * The connector writes to Kafka and is killed, and Spark reads what arrived. The scripts of
 * examples/scale-out/kafka-spark and examples/kafka.yaml run unchanged.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Releases } from '../support/destinations/kafka-site.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { type Reader, read, skipWithoutReaders } from '../support/processes/readers.ts'
import { skipWithoutKafka, startKafka } from '../support/servers/kafka.ts'
import { createTopic } from '../support/servers/kafka-topics.ts'
import { serverDirectory } from '../support/servers/server-process.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const CHANNELS = ['boiler', 'press'] as const
/** By channel, before the crash and after it. */
const MESSAGES = 400

interface LedgerAnswer {
  readonly totals: { readonly waiting: number; readonly inFlight: number }
}

test('Spark has each message from Kafka once, although the connector was killed in between', {
  skip: skipWithoutKafka || skipWithoutReaders,
}, async (t) => {
  const releases = new Releases()
  t.after(() => releases.run())
  const directory = serverDirectory(releases, 'kafka-spark')
  const kafka = await startKafka(releases)
  await createTopic(kafka.broker, 'telemetry', { partitions: 6 })
  await createTopic(kafka.broker, 'iot-connector-positions', {
    configs: { 'cleanup.policy': 'compact' },
  })
  const brokers = [0, 1].map((index) => `destinations[0].kafka.brokers[${index}]=${kafka.broker}`)
  const args = [
    ...['--config', join(root, 'examples', 'kafka.yaml'), '--data', join(directory, 'data')],
    ...brokers.flatMap((setting) => ['--set', setting]),
    // Small batches, so that the crash comes between two of them.
    ...['--set', 'destinations[0].batch.messages=50'],
  ]
  const spark = (script: string, more: readonly string[]): Reader => ({
    script: join('kafka-spark', script),
    args: more,
    isSpark: true,
  })
  const folder = join(directory, 'spark')
  const arrived = spark('read.py', [kafka.broker, 'telemetry', folder, '--once'])

  const first = await new ConnectorProcess(t, args).started()
  await publish(await MqttDevice.connect(t, first.mqttUrl), 0)
  await first.crash()
  const second = await new ConnectorProcess(t, args).started()
  await Promise.all([
    read(t, arrived),
    publish(await MqttDevice.connect(t, second.mqttUrl), MESSAGES),
  ])
  await until('all messages are in Kafka', async () => {
    const answer = await fetch(`${second.httpUrl}/ledger`)
    const { totals } = (await answer.json()) as LedgerAnswer
    return totals.waiting + totals.inFlight === 0
  })
  await read(t, arrived)

  const [, ...lines] = (await read(t, spark('count.py', [folder]))).trim().split(/\r?\n/)
  const count = 2 * MESSAGES
  const temperatures = (count * (count - 1)) / 2 / 4
  assert.deepEqual(
    lines.map((line) => line.split(',').map((cell, index) => (index === 0 ? cell : Number(cell)))),
    CHANNELS.map((channel) => [channel, count, count, 0, count - 1, temperatures]),
  )
})

/** Resolves when the connector has acknowledged all. */
async function publish(device: MqttDevice, from: number): Promise<void> {
  const published: Promise<unknown>[] = []
  for (let number = from; number < from + MESSAGES; number++) {
    const payload = Buffer.from(JSON.stringify({ number, temperature: number / 4 }))
    for (const channel of CHANNELS) published.push(device.putBinary(channel, payload))
  }
  await Promise.all(published)
}
