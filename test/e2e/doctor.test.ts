/** doctor and export on real data directories, stopped, running and damaged. */
import assert from 'node:assert/strict'
import { appendFile, mkdir, open, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { draftOf } from '../support/channels/log-drafts.ts'
import { diskStore } from '../support/disk/disk-stores.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { startConnector, temporaryDirectory } from '../support/processes/running-connector.ts'

const MESSAGES = 20

/** Its destination is never reached, so the messages are in the channel's own files. */
async function filledDirectory(t: TestContext): Promise<string> {
  const directory = await temporaryDirectory(t)
  const connector = await startConnector(t, {
    storage: { directory },
    destinations: [{ iotAnalytics: { endpoint: 'http://127.0.0.1:9', region: 'us-west-2' } }],
  })
  for (let i = 0; i < MESSAGES; i += 1) await connector.publish('my_channel', `m${i}`)
  await connector.stop()
  return directory
}

/** Flips a byte in the middle of the channel's first file. */
async function damage(directory: string): Promise<void> {
  const channel = join(directory, 'channels', 'my_channel')
  const log = (await readdir(channel)).filter((name) => name.endsWith('.log')).sort()[0] ?? ''
  const file = await open(join(channel, log), 'r+')
  const { size } = await file.stat()
  const byte = Buffer.alloc(1)
  const position = Math.floor(size / 2)
  await file.read(byte, 0, 1, position)
  byte[0] = (byte[0] ?? 0) ^ 0xff
  await file.write(byte, 0, 1, position)
  await file.close()
}

function payloadsOf(output: string): string[] {
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).payload)
}

test('doctor finds no fault in a stopped directory, and export writes any range of it', async (t) => {
  const directory = await filledDirectory(t)
  const all = Array.from({ length: MESSAGES }, (_, i) => `m${i}`)

  const [doctor, whole, part, none] = await Promise.all([
    runCommand(t, ['doctor', '--data', directory]),
    runCommand(t, ['export', 'my_channel', '--data', directory]),
    runCommand(t, ['export', 'my_channel', '--from', '5', '--to', '8', '--data', directory]),
    runCommand(t, ['export', 'my_channel', '--to', '1h', '--data', directory]),
  ])

  assert.match(doctor.stdout, /my_channel: 20 messages, offsets 0 to 19, 1 file, /)
  assert.match(doctor.stdout, /not in use[\s\S]*All is well\.\n$/)
  assert.equal(doctor.code, 0)
  assert.deepEqual(payloadsOf(whole.stdout), all)
  assert.deepEqual(payloadsOf(part.stdout), ['m5', 'm6', 'm7'])
  assert.deepEqual([none.code, none.stdout], [0, ''])
})

test('doctor counts channels alone, and names MQTT sessions and dead letters', async (t) => {
  const directory = await temporaryDirectory(t)
  const store = diskStore({ directory })
  await store.open()
  for (const name of ['my_channel', '__sessions', '__dead_letters']) {
    store.create(name).append(draftOf('one'))
  }
  await store.commit()
  await store.close()

  const { stdout } = await runCommand(t, ['doctor', '--data', directory])

  assert.match(stdout, /: 1 channel, dead letters, MQTT sessions, \d+ bytes, not in use/)
  assert.match(stdout, /^MQTT sessions: 1 message, offset 0/m)
})

test('doctor explains damage, export steps over it, and a repair keeps what can be read', async (t) => {
  const directory = await filledDirectory(t)
  await damage(directory)

  const found = await runCommand(t, ['doctor', '--data', directory])
  const exported = await runCommand(t, ['export', 'my_channel', '--data', directory])
  const repaired = await runCommand(t, ['doctor', '--repair', '--data', directory])
  const after = await runCommand(t, ['export', 'my_channel', '--data', directory])

  assert.equal(found.code, 1)
  assert.match(found.stdout, /loss: DamagedBytes in .*\.log, at byte \d+/)
  assert.match(found.stdout, /do not match their checksum/)
  const left = payloadsOf(exported.stdout)
  assert.ok(left.length >= MESSAGES - 2 && left.length < MESSAGES, `${left.length} are left`)
  assert.match(repaired.stdout, /repaired: my_channel\/.*: Copied the damaged bytes to quarantine/)
  assert.deepEqual(payloadsOf(after.stdout), left)
})

test('doctor checks the lists of messages that pipelines could not process', async (t) => {
  const directory = await filledDirectory(t)
  const folder = join(directory, 'pipeline-failures', 'warm')
  const path = join(folder, '0a1b2c3d-0000000000000000-0000000000000010.jsonl')
  await mkdir(folder, { recursive: true })
  await writeFile(path, '{"leftOut":3}\n')

  const well = await runCommand(t, ['doctor', '--data', directory])
  await appendFile(path, '{"offset":')
  const damaged = await runCommand(t, ['doctor', '--data', directory])

  assert.match(well.stdout, /^failures of pipelines: 1 file, 14 bytes\n\nAll is well\.$/m)
  assert.equal(well.code, 0)
  assert.match(damaged.stdout, /loss: DamagedFailures in warm\/0a1b2c3d-.*, at byte 14, 10 bytes/)
  assert.equal(damaged.code, 1)
})

test('a running directory can be checked and exported, but not repaired', async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await startConnector(t, { storage: { directory } })
  await connector.publish('my_channel', 'm0')
  const url = String(connector.describe().http)

  const doctor = await runCommand(t, ['doctor', '--data', directory])
  const repair = await runCommand(t, ['doctor', '--repair', '--data', directory])
  const direct = await runCommand(t, ['export', 'my_channel', '--data', directory])
  const overHttp = await runCommand(t, ['export', 'my_channel', '--from', '0', '--url', url])

  assert.match(doctor.stdout, new RegExp(`in use by process ${process.pid}`))
  assert.equal(repair.code, 1)
  assert.match(repair.stderr, /expected .* to be free, but process/)
  assert.deepEqual(payloadsOf(direct.stdout), ['m0'])
  assert.equal(overHttp.stdout, direct.stdout)
})

test('a missing directory and a missing channel are reported differently from empty ones', async (t) => {
  const directory = await filledDirectory(t)

  const nowhere = await runCommand(t, ['doctor', '--data', join(directory, 'nowhere')])
  const noChannel = await runCommand(t, ['export', 'other', '--data', directory])

  assert.deepEqual([nowhere.code, noChannel.code], [2, 2])
  assert.match(nowhere.stderr, /is not a data directory/)
  assert.match(noChannel.stderr, /has no channel other/)
})

test('the bytes of a channel are those of its files with messages, in ledger and metrics alike, and doctor adds the positions', async (t) => {
  const directory = await filledDirectory(t)
  const channel = join(directory, 'channels', 'my_channel')
  const names = await readdir(channel)
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(channel, name))).size))
  const positions = sizes[names.indexOf('cursors')] ?? 0
  const all = sizes.reduce((sum, bytes) => sum + bytes, 0)

  const doctor = await runCommand(t, ['doctor', '--data', directory])
  const connector = await startConnector(t, {
    storage: { directory },
    destinations: [{ iotAnalytics: { endpoint: 'http://127.0.0.1:9', region: 'us-west-2' } }],
  })
  const metrics = await (await fetch(`${connector.describe().http}/metrics`)).text()

  assert.ok(positions > 0)
  assert.match(doctor.stdout, new RegExp(`^my_channel: .* ${all} bytes$`, 'm'))
  assert.equal(connector.ledger()[0]?.bytes, all - positions)
  assert.match(metrics, new RegExp(`_log_bytes{channel="my_channel"} ${all - positions}$`, 'm'))
})
