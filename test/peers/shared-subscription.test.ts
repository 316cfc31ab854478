/**
 * examples/scale-out/shared-subscription: three connectors share the messages of mosquitto and store
 * them in one database. Each of them is killed and comes back.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectAsync, type MqttClient } from 'mqtt'
import { startMosquitto } from '../support/mqtt/mosquitto.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { skipWithout } from '../support/processes/real-peers.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { type Postgres, skipWithoutPostgres, startPostgres } from '../support/servers/postgres.ts'
import { until } from '../support/until.ts'

const EXAMPLE = join(
  ...[import.meta.dirname, '..', '..', '..', 'examples', 'scale-out', 'shared-subscription'],
)
const MEMBERS = ['connector-1', 'connector-2', 'connector-3'] as const
/** Published while a connector is away, and again after it is back. */
const LOAD = 300

interface Row {
  readonly connector: string
  readonly n: number
}

/** The example's lines, with the directory of the test and without its port. */
function mosquittoLines(): string[] {
  return readFileSync(join(EXAMPLE, 'mosquitto.conf'), 'utf8')
    .split('\n')
    .filter((line) => !/^(#|listener|$)/.test(line))
    .map((line) => line.replace('/var/lib/mosquitto/', '{dir}/'))
}

async function memberOf(t: TestContext, brokerUrl: string, server: Postgres) {
  const data = await temporaryDirectory(t)
  const passwordFile = join(data, 'password')
  writeFileSync(passwordFile, 'not asked for\n', { mode: 0o600 })
  const database = Object.entries({
    ...{ host: '127.0.0.1', port: server.port, user: 'postgres', database: 'postgres' },
    ...{ passwordFile, create: true },
  })
  return (id: string) => {
    const settings = [
      `sources.mqttClient.url=${brokerUrl}`,
      `sources.mqttClient.clientId=${id}`,
      `connectorId=${id}`,
      'destinations[0].batch.interval=50ms',
      ...database.map(([option, value]) => `destinations[0].postgres.${option}=${value}`),
    ]
    const args = ['--config', join(EXAMPLE, 'connector.yaml'), '--data', data]
    const sets = settings.flatMap((setting) => ['--set', setting])
    return new ConnectorProcess(t, [...args, ...sets], { withMqttServer: false }).started()
  }
}

async function subscribed(connector: ConnectorProcess): Promise<void> {
  await until('the connector has subscribed', async () => {
    const health = await fetch(`${connector.httpUrl}/health`).then((answer) => answer.text())
    return JSON.parse(health).sources[0].state === 'connected'
  })
}

/** Publishes and returns once the broker has acknowledged all of them. */
async function publish(device: MqttClient, from: number): Promise<void> {
  const numbers = Array.from({ length: LOAD }, (_, index) => from + index)
  const publishing = numbers.map((n) =>
    device.publishAsync(`machines/m${n % 7}/telemetry`, `{"n":${n}}`, { qos: 1 }),
  )
  await Promise.all(publishing)
}

test('three connectors share mosquitto, each is killed once, and no message is lost', {
  skip: skipWithout('mosquitto') || skipWithoutPostgres,
}, async (t) => {
  const [broker, server] = await Promise.all([
    startMosquitto(t, { config: mosquittoLines() }),
    startPostgres(t),
  ])
  const starts = await Promise.all(MEMBERS.map(() => memberOf(t, broker.url, server)))
  const start = (member: number) => starts[member]?.(MEMBERS[member] ?? '')
  const connectors = await Promise.all(MEMBERS.map((_, member) => start(member)))
  for (const connector of connectors) if (connector) await subscribed(connector)
  const device = await connectAsync(broker.url, { clientId: 'device' })
  t.after(() => device.end(true))
  const rows = async (): Promise<Row[]> =>
    await server.query(`select connector, (payload->>'n')::int as n from messages`).catch(() => [])
  const stored = async () => new Set((await rows()).map(({ n }) => n))

  let published = 0
  for (let member = 0; member < MEMBERS.length; member += 1) {
    const publishing = publish(device, published)
    await until('some are stored', async () => (await stored()).size > published)
    await connectors[member]?.crash()
    await publishing
    published += LOAD
    await publish(device, published)
    published += LOAD
    // The broker deals messages out in turn, also to the connector that is away.
    const share = LOAD / MEMBERS.length
    const others = published - 2 * share
    await until('the others have stored theirs', async () => (await stored()).size >= others)
    assert.ok((await stored()).size <= published - share)
    connectors[member] = await start(member)
    await until('all messages are stored', async () => (await stored()).size === published)
  }

  const all = await rows()
  const storedBy = new Map<number, string[]>()
  for (const { n, connector } of all) storedBy.set(n, [...(storedBy.get(n) ?? []), connector])
  const repeated = [...storedBy.values()].filter(({ length }) => length > 1)
  const identities = await server.query(
    'select count(distinct (connector, log_id, "offset"))::int as count from messages',
  )
  assert.deepEqual(
    MEMBERS.filter((id) => all.some(({ connector }) => connector === id)),
    [...MEMBERS],
  )
  assert.equal(identities[0].count, all.length)
  // A repeated message was sent again by the broker, to the member that it was meant for.
  for (const copies of repeated) assert.equal(new Set(copies).size, 1)
  t.diagnostic(`${published} acknowledged, ${all.length} rows, ${repeated.length} sent again`)
})
