/** The Home Assistant add-on: its description, and the relay through which ingress asks. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { VERSION } from '../../src/version.ts'
import { repository } from '../support/processes/package-sources.ts'
import { startConnector } from '../support/processes/running-connector.ts'

const folder = join(repository, 'packaging', 'home-assistant', 'iot_analytics_connector')
const { createRelay, INGRESS } = await import(join(folder, 'relay.mjs'))
const TOKEN = '0123456789abcdef0123456789abcdef'
const LOOPBACK = '127.0.0.1'

/** A relay in front of a connector; returns its address. */
async function relayFor(t: TestContext, allowed: string): Promise<string> {
  const connector = await startConnector(t, { http: { port: 0, token: TOKEN } })
  const { hostname, port } = new URL(connector.describe().http ?? '')
  const relay = createRelay({
    connector: { host: hostname, port: Number(port) },
    token: TOKEN,
    allowed,
  })
  await new Promise<void>((resolve) => relay.listen(0, LOOPBACK, resolve))
  t.after(() => {
    relay.closeAllConnections()
    relay.close()
  })
  return `http://${LOOPBACK}:${(relay.address() as AddressInfo).port}`
}

test('the add-on has the package’s version, streams through ingress, and is for administrators', async () => {
  const about = parse(readFileSync(join(folder, 'config.yaml'), 'utf8'))
  const { config } = await loadConfig({
    file: join(folder, 'iot-analytics-connector.yaml'),
    environment: {},
  })

  assert.equal(about.version, VERSION)
  assert.deepEqual([about.ingress, about.ingress_stream, about.panel_admin], [true, true, true])
  assert.match(readFileSync(join(folder, 'run.mjs'), 'utf8'), new RegExp(`${about.ingress_port}`))
  assert.equal(config.sources.mqttClient?.url, 'mqtt://core-mosquitto:1883')
  assert.equal(INGRESS, '172.30.32.2')
  for (const [, files = ''] of readFileSync(join(folder, 'Dockerfile'), 'utf8').matchAll(
    /^COPY (.+) \S+$/gm,
  )) {
    for (const file of files.split(' ')) {
      const isBuilt = ['program', 'dashboard', 'package.json'].includes(file)
      assert.ok(isBuilt || existsSync(join(folder, file)), file)
    }
  }
})

test('ingress asks the connector with the token, under any host name', async (t) => {
  const url = await relayFor(t, LOOPBACK)

  const ledger = await fetch(`${url}/ledger`)

  assert.equal(ledger.status, 200)
  assert.match(await ledger.text(), /"channels":/)
})

test('a page of another origin may change nothing through ingress', async (t) => {
  const url = await relayFor(t, LOOPBACK)
  const post = (origin: string) =>
    fetch(`${url}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin },
      body: '{"sql":"SELECT 1"}',
    })

  const [own, other] = [await post(url), await post('http://evil.example')]

  assert.notEqual(own.status, 403)
  assert.equal(other.status, 403)
})

test('nobody but ingress may ask', async (t) => {
  const url = await relayFor(t, INGRESS)

  await assert.rejects(fetch(`${url}/health`))
})
