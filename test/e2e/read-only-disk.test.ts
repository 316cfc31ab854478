/** The file system turns read-only under the running program, as systems make it after an error of the disk. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { reset } from '../support/fake-answers.ts'
import { FakeIotAnalytics } from '../support/fake-iot-analytics.ts'
import { HubProcess, sendingTo } from '../support/hub-process.ts'
import { SmallFileSystem } from '../support/small-file-system.ts'

const PATIENCE_MS = 30_000
const TOPIC = 'iotanalytics/channels/c/messages/put'
const STATUS_TOPIC = 'iotanalytics/messages/put/status'
const PAYLOAD = 'x'.repeat(60_000)

interface Health {
  readonly ready: boolean
  readonly storage: string
  readonly problems: readonly string[]
}

async function healthOf(hub: HubProcess): Promise<Health> {
  const answer = await fetch(`${hub.httpUrl}/health`)
  return JSON.parse(await answer.text())
}

async function metricsOf(hub: HubProcess): Promise<string> {
  return (await fetch(`${hub.httpUrl}/metrics`)).text()
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const givesUpAt = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    assert.ok(performance.now() < givesUpAt, `waited in vain until ${what}`)
    await delay(50)
  }
}

/** The reason code of its PUBACK, 0 when it was taken. */
async function publish(client: MqttClient, id: string): Promise<number> {
  const body = JSON.stringify({ request: { message: PAYLOAD }, id })
  try {
    await client.publishAsync(TOPIC, body, { qos: 1 })
    return 0
  } catch (error) {
    return error instanceof Error && 'code' in error ? Number(error.code) : -1
  }
}

test('a file system that turns read-only is named, newcomers are refused, and it ends by itself', {
  skip: SmallFileSystem.obstacle() ?? false,
}, async (t) => {
  const api = await FakeIotAnalytics.start(t)
  api.answerWhile(() => true, reset())
  const disk = await SmallFileSystem.mount(2 * 1024 * 1024)
  const hub = new HubProcess(t, [
    ...['--data', join(disk.directory, 'data'), ...sendingTo(api, 'us-west-2')],
    ...['--set', 'parameters.PublishInterval=0'],
  ])
  t.after(async () => {
    await hub.crash()
    await disk.unmount()
  })
  await hub.started()
  const modern = await connectAsync(hub.mqttUrl, { protocolVersion: 5 })
  const old = await connectAsync(hub.mqttUrl, { protocolVersion: 4 })
  const receipts: string[] = []
  old.on('message', (_topic, payload) => receipts.push(payload.toString()))
  await old.subscribeAsync(STATUS_TOPIC)
  t.after(() => Promise.all([modern.endAsync(true), old.endAsync(true)]))

  // A file that is open for writing keeps a file system writable, and a log lets go of its file when
  // it can't be written: first the disk is full.
  let taken = 0
  while ((await publish(modern, `before ${taken}`)) === 0) taken += 1
  await until('it can be remounted', () => disk.remount('ro,size=16m'))
  await until('health names it', async () => (await healthOf(hub)).storage === 'read-only')
  const during = await healthOf(hub)
  const reason = await publish(modern, 'refused by its reason code')
  let isAcknowledged = false
  const kept = publish(old, 'kept by its sender').then(() => {
    isAcknowledged = true
  })
  await until('it is withheld', async () => /^\S+_withheld_total/m.test(await metricsOf(hub)))
  await until('the receipt is there', () => receipts.some((one) => one.includes('by its reason')))
  const tooEarly = isAcknowledged
  disk.remount('rw')
  await until('health is well', async () => (await healthOf(hub)).ready)
  await kept
  const after = await publish(modern, 'after')
  api.recover()
  await until('all has arrived', () => api.received('c').length >= taken + 2)

  assert.ok(taken > 10)
  assert.equal(during.ready, false)
  assert.match(during.problems.join(), /EROFS.*mount it for writing again/)
  assert.equal(reason, 0x83)
  const receipt = receipts.find((one) => one.includes('by its reason')) ?? ''
  assert.match(receipt, /"status":"fail".*"error":"StorageFailed"/)
  assert.equal(tooEarly, false)
  assert.ok(!receipts.some((one) => one.includes('fail') && one.includes('by its sender')))
  assert.equal(after, 0)
  assert.deepEqual(
    [...new Set(api.received('c').map(({ messageId }) => messageId))].length,
    taken + 2,
  )
})
