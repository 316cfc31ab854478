/** A whole connector in this process, on free ports and a directory of its own. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  type ConfigInput,
  type Connector,
  type ConnectorOptions,
  createConnector,
} from '../../../src/index.ts'
import { FAKE_IDENTITY, type FakeIotAnalytics } from '../destinations/fake-iot-analytics.ts'

const PREFIX = join(tmpdir(), 'iot-analytics-connector-')

export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(PREFIX)
  // Later hooks stop the users of the directory, so it may still be written to meanwhile.
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))
  return directory
}

/** Fills in what every test needs: free ports, a directory, no log. */
export async function startConnector(
  t: TestContext,
  config: ConfigInput,
  options?: ConnectorOptions,
): Promise<Connector> {
  // One hook for both: Node calls hooks in the order they were added, not in reverse.
  const directory = await mkdtemp(PREFIX)
  const filledIn: ConfigInput = {
    ...config,
    sources: config.sources ?? { mqttServer: { port: 0 } },
    storage: { directory, ...config.storage },
    http: config.http ?? { port: 0 },
    log: { level: 'silent' },
  }
  const connector = createConnector(filledIn, options)
  t.after(async () => {
    await connector.stop({ deadlineMs: 0 })
    await rm(directory, { recursive: true, force: true })
  })
  await connector.start()
  return connector
}

/** The entry of `destinations` for a fake endpoint. */
export function destinationOf(api: FakeIotAnalytics, options: object = {}) {
  return {
    iotAnalytics: {
      endpoint: api.url,
      region: 'us-west-2',
      credentials: { ...FAKE_IDENTITY },
      ...options,
    },
  }
}

/** The `mqtt://…` address of the MQTT server. */
export function mqttUrlOf(connector: Connector): string {
  const url = connector.describe().sources.find((source) => source.startsWith('mqtt://'))
  assert.ok(url !== undefined, 'the MQTT server is not listening')
  return url
}

export function mqttPortOf(connector: Connector): string {
  return new URL(mqttUrlOf(connector)).port
}

/** Fails unless the figures of every channel add up. */
export function assertLedgerAddsUp(connector: Connector): void {
  for (const channel of connector.ledger()) {
    const dropped = Object.values(channel.dropped).reduce((sum, count) => sum + count, 0)
    const accounted =
      channel.delivered +
      channel.rejected +
      dropped +
      channel.expired +
      channel.waiting +
      channel.inFlight
    assert.equal(accounted, channel.received, `ledger of ${channel.channel}`)
  }
}
