/** A stop of the program on a disk whose syncs take long, with many channels. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { temporaryDirectory } from '../support/disk/disk-stores.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'

const CHANNELS = 40
/** The deadline is 1 s; the rest is for a busy machine. */
const MOST_MS = 5_000
const SLOW_SYNCS = join(import.meta.dirname, '..', 'support', 'processes', 'slow-syncs.js')

for (const syncMs of [200, 25_000]) {
  test(`SIGTERM ends the program at its deadline with ${CHANNELS} channels and ${syncMs} ms for each sync, and loses nothing`, async (t) => {
    const data = join(await temporaryDirectory(t), 'data')
    const args = ['--data', data, '--set', 'storage.maxBytes=4194304']
    const slow = new ConnectorProcess(t, [...args, '--deadline', '1s'], {
      env: {
        NODE_OPTIONS: `--import ${pathToFileURL(SLOW_SYNCS)}`,
        SLOW_SYNC_MS: String(syncMs),
      },
    })
    await slow.started()
    const device = await MqttDevice.connect(t, slow.mqttUrl)
    const names = Array.from({ length: CHANNELS }, (_, index) => `c_${index}`)
    await Promise.all(names.map((name) => device.putMessage(name, 'kept')))
    slow.signal('SIGUSR2')
    await slow.command.says(/syncs are slow/)

    const startMs = performance.now()
    slow.signal('SIGTERM')
    const { code, signal } = await slow.ends()
    const tookMs = performance.now() - startMs
    const next = await new ConnectorProcess(t, args).started()
    const answer = await fetch(`${next.httpUrl}/ledger`)
    const { channels } = (await answer.json()) as { channels: { received: number }[] }

    // One sync after the other would take three times as long, or a single one five times.
    assert.ok(tookMs < MOST_MS, `${tookMs} ms, ended with ${code} ${signal}`)
    assert.deepEqual(
      channels.map(({ received }) => received),
      names.map(() => 1),
    )
  })
}
