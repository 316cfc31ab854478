/**
 * examples/scale-out/chain: edge → site → cloud → PostgreSQL, with TLS and signatures. While the edge
 * gets messages, the site is killed and the links are cut.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { type Certificates, makeCertificates } from '../support/processes/certificates.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { type Postgres, skipWithoutPostgres, startPostgres } from '../support/servers/postgres.ts'
import { Relay } from '../support/servers/relay.ts'
import { freePorts } from '../support/servers/server-process.ts'
import { until } from '../support/until.ts'

const EXAMPLES = join(import.meta.dirname, '..', '..', '..', 'examples', 'scale-out', 'chain')
const TOPIC = 'iotanalytics/channels/presses/messages/binary/put'
const SECRETS = { EDGE1: 'secret-of-the-first-edge', PLANT3: 'secret-of-the-third-plant' }
const ROUNDS = 3
const LOAD = 200

interface Level {
  readonly name: 'edge' | 'site' | 'cloud'
  readonly settings: Readonly<Record<string, string | number | boolean>>
  /** The key that it signs with. */
  readonly key?: keyof typeof SECRETS
}

async function startsOf(t: TestContext, { name, settings, key }: Level) {
  const data = await temporaryDirectory(t)
  const sets = Object.entries({ 'storage.directory': data, ...settings })
  const args = [
    ...['--config', join(EXAMPLES, `${name}.yaml`)],
    ...sets.flatMap(([path, value]) => ['--set', `${path}=${value}`]),
  ]
  const env = key && { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: SECRETS[key] }
  const options = { withMqttServer: name === 'edge', ...(env && { env }) }
  return () => new ConnectorProcess(t, args, options).started()
}

function receiving(port: number, files: Certificates, key: keyof typeof SECRETS) {
  const secret = files.path(key)
  writeFileSync(secret, SECRETS[key], { mode: 0o600 })
  const token = files.path('token')
  writeFileSync(token, 'a-token-that-nobody-needs-here', { mode: 0o600 })
  return {
    'http.host': '127.0.0.1',
    'http.port': port,
    'http.tokenFile': token,
    'http.tls.cert': files.path('broker.crt'),
    'http.tls.key': files.path('broker.key'),
    'sources.batchPutMessage.credentials[0].secretAccessKeyFile': secret,
  }
}

function sending({ port }: Relay, files: Certificates) {
  return {
    'parameters.PublishInterval': 0,
    'parameters.IotAnalyticsBatchSizePerChannel': 20,
    'destinations[0].iotAnalytics.endpoint': `https://127.0.0.1:${port}`,
    'destinations[0].iotAnalytics.tls.ca': files.path('ca.crt'),
  }
}

function storing({ port }: Postgres, files: Certificates) {
  const password = files.path('password')
  writeFileSync(password, 'not asked for', { mode: 0o600 })
  return {
    'destinations[0].batch.interval': '50ms',
    'destinations[0].postgres.host': '127.0.0.1',
    'destinations[0].postgres.port': port,
    'destinations[0].postgres.user': 'postgres',
    'destinations[0].postgres.database': 'postgres',
    'destinations[0].postgres.passwordFile': password,
    'destinations[0].postgres.create': true,
  }
}

test('edge → site → cloud: the site is killed, links are cut, each message is stored once', {
  skip: skipWithoutPostgres,
}, async (t) => {
  const server = await startPostgres(t)
  const files = makeCertificates(t)
  const [sitePort = 0, cloudPort = 0] = await freePorts(2)
  const [toSite, toCloud] = await Promise.all([Relay.start(t, sitePort), Relay.start(t, cloudPort)])
  const startCloud = await startsOf(t, {
    name: 'cloud',
    settings: { ...receiving(cloudPort, files, 'PLANT3'), ...storing(server, files) },
  })
  const startSite = await startsOf(t, {
    name: 'site',
    settings: { ...receiving(sitePort, files, 'EDGE1'), ...sending(toCloud, files) },
    key: 'PLANT3',
  })
  const startEdge = await startsOf(t, {
    name: 'edge',
    settings: sending(toSite, files),
    key: 'EDGE1',
  })
  await startCloud()
  let site = await startSite()
  const edge = await startEdge()
  const device = await MqttDevice.connect(t, edge.mqttUrl)
  const stored = async (): Promise<number[]> =>
    await server
      .query(`select (payload->>'n')::int as n from messages order by "offset"`)
      .then((rows) => rows.map(({ n }) => Number(n)))
      .catch(() => [])

  let published = 0
  const publish = async () => {
    const numbers = Array.from({ length: LOAD }, (_, index) => published + index)
    published += LOAD
    const publishing = numbers.map((n) =>
      device.client.publishAsync(TOPIC, `{"n":${n}}`, { qos: 1 }),
    )
    await Promise.all(publishing)
  }
  const moreStored = async () => {
    const { length } = await stored()
    await until('more is stored', async () => (await stored()).length > length)
  }

  for (let round = 0; round < ROUNDS; round += 1) {
    const publishing = publish()
    await moreStored()
    await site.crash()
    await publishing
    await publish()
    site = await startSite()
    await moreStored()
    // The link hangs, then it is cut: what is under way is lost, and so are the answers.
    const link = round % 2 === 0 ? toSite : toCloud
    link.hang()
    await publish()
    link.resume()
    await moreStored()
  }
  await until('all are stored', async () => (await stored()).length >= published)

  // The order is the order of arrival at the edge.
  assert.deepEqual(
    await stored(),
    Array.from({ length: published }, (_, n) => n),
  )
})
