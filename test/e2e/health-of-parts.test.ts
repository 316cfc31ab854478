/** Health, the overview and `status` name sources that cannot connect, and sessions that cannot be stored. */
import assert from 'node:assert/strict'
import { rename, unlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Connector } from '../../src/index.ts'
import { OperatorAnswers } from '../support/http/operator-answers.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { makeCertificates, skipWithoutOpenssl } from '../support/processes/certificates.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { passwordFile } from '../support/processes/password-file.ts'
import { mqttUrlOf, startConnector } from '../support/processes/running-connector.ts'
import { SkippingClock } from '../support/skipping-clock.ts'
import { until } from '../support/until.ts'

function httpOf(connector: Connector): string {
  return String(connector.describe().http)
}

async function healthOf(connector: Connector) {
  return JSON.parse(await (await fetch(`${httpOf(connector)}/health`)).text())
}

/** A connector that subscribes at `url`, and what health and `status` say once they know more. */
async function subscribedTo(t: TestContext, url: string, options: object = {}) {
  const sources = { mqttClient: { url, ...options } }
  const connector = await startConnector(t, { sources })
  await until('health names the source', async () => {
    const { problems } = await healthOf(connector)
    return problems.some((problem: string) => problem.startsWith('Source mqttClient'))
  })
  const health = await healthOf(connector)
  const overview = await new OperatorAnswers(httpOf(connector)).get('overview')
  const status = await runCommand(t, ['status', '--url', httpOf(connector)])
  return { health, overview, status, problem: String(health.problems[0]) }
}

type Seen = Awaited<ReturnType<typeof subscribedTo>>

function assertDisconnected({ health, overview, status }: Seen): void {
  assert.deepEqual([health.level, health.ready], ['warning', true])
  assert.match(health.verdict, /^mqttClient disconnected/)
  assert.equal(health.sources[0].state, 'disconnected')
  assert.equal(overview.verdict.level, 'warning')
  assert.match(overview.verdict.text, /^mqttClient disconnected/)
  assert.match(status.stdout, /^ATTENTION {2}mqttClient disconnected/m)
  assert.match(status.stdout, /^mqttClient +disconnected /m)
  assert.match(status.stdout, /^ {2}Source mqttClient, disconnected since/m)
  assert.equal(status.code, 3)
}

test('a broker that refuses the password makes health a warning that says so', async (t) => {
  const users = await passwordFile(t, { bridge: 'right' })
  const broker = await startConnector(t, {
    sources: { mqttServer: { port: 0, passwordFile: users } },
  })

  const login = { username: 'bridge', password: 'wrong' }
  const seen = await subscribedTo(t, mqttUrlOf(broker), login)

  assertDisconnected(seen)
  assert.match(seen.problem, /bad user ?name or password/i)
})

test('a broker that nothing listens for makes health a warning that says so', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await until('it listens', () => server.listening)
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  await new Promise((resolve) => server.close(resolve))

  const seen = await subscribedTo(t, `mqtt://127.0.0.1:${port}`)

  assertDisconnected(seen)
  assert.match(seen.problem, /ECONNREFUSED/)
})

test('TLS to a plain port makes health a warning that says so', async (t) => {
  const broker = await startConnector(t, {})

  const seen = await subscribedTo(t, mqttUrlOf(broker).replace('mqtt:', 'mqtts:'))

  assertDisconnected(seen)
  assert.match(seen.problem, /before secure TLS connection was established|ECONNRESET|closed/)
})

test('a plain connection to a TLS port makes health a warning that says so', {
  skip: skipWithoutOpenssl,
}, async (t) => {
  const certificates = makeCertificates(t)
  const tls = {
    port: 0,
    cert: certificates.path('broker.crt'),
    key: certificates.path('broker.key'),
  }
  const broker = await startConnector(t, { sources: { mqttServer: { port: 0, tls } } })
  const [, secure = ''] = /mqtts:\/\/([^,\s]+)/.exec(broker.describe().sources.join()) ?? []

  const seen = await subscribedTo(t, `mqtt://${secure}`)

  assertDisconnected(seen)
  assert.match(seen.problem, /closed the connection|ECONNRESET/)
})

test('sessions that cannot be stored make storage fail in health, and let it recover', async (t) => {
  const clock = new SkippingClock()
  const connector = await startConnector(t, {}, { clock })
  const url = mqttUrlOf(connector)
  const journal = join(String(connector.describe().dataDirectory), 'journal')
  const device = await MqttDevice.connect(t, url, { clientId: 'c', clean: false })

  await rename(journal, `${journal}.away`)
  await writeFile(journal, '')
  void device.client.subscribeAsync('devices/#', { qos: 1 }).catch(() => {})
  await until('health knows', async () => (await healthOf(connector)).level !== 'ok')
  const answer = await fetch(`${httpOf(connector)}/health`)
  const health = JSON.parse(await answer.text())
  const status = await runCommand(t, ['status', '--url', httpOf(connector)])
  await unlink(journal)
  await until('it is well again', async () => {
    await clock.skip(1)
    return (await healthOf(connector)).ready
  })

  assert.equal(answer.status, 503)
  assert.deepEqual([health.level, health.ready], ['critical', false])
  assert.notEqual(health.storage, 'ok')
  assert.match(health.problems[0], /ENOTDIR/)
  assert.equal(health.verdict, `storage ${health.storage}`)
  assert.match(status.stdout, new RegExp(`^CRITICAL {2}Storage ${health.storage}\\.`, 'm'))
  assert.equal(status.code, 3)
})
