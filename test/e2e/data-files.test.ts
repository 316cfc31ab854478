/** Who can use the files that a running connector makes. */
import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectAsync } from 'mqtt'
import {
  mqttUrlOf,
  startConnector,
  temporaryDirectory,
} from '../support/processes/running-connector.ts'

/** Modes by path, with numbers as N: `channels/c/N.log` has `600`. */
async function modesIn(directory: string): Promise<Map<string, string>> {
  const modes = new Map([['', await modeOf(directory)]])
  for (const path of await readdir(directory, { recursive: true })) {
    modes.set(path.replaceAll(/\d+/g, 'N'), await modeOf(join(directory, path)))
  }
  return modes
}

async function modeOf(path: string): Promise<string> {
  const found = await stat(path)
  return `${found.isDirectory() ? 'd' : '-'} ${(found.mode & 0o777).toString(8)}`
}

function assertOwnersAlone(modes: ReadonlyMap<string, string>): void {
  const open = [...modes].filter(([, mode]) => mode !== 'd 700' && mode !== '- 600')
  assert.deepEqual(open, [])
}

/** A run that leaves messages, a dead letter and a session. */
async function runOnce(t: TestContext, directory: string): Promise<Map<string, string>> {
  const connector = await startConnector(t, { storage: { directory } })
  const client = await connectAsync(mqttUrlOf(connector), { clientId: 'sleeper', clean: false })
  await client.subscribeAsync('commands/#', { qos: 1 })
  await client.publishAsync('iotanalytics/channels/c/messages/put', 'no envelope', { qos: 1 })
  await client.publishAsync('iotanalytics/channels/c/messages/binary/put', 'data', { qos: 1 })
  const running = await modesIn(directory)
  await client.endAsync()
  await connector.stop({ deadlineMs: 1_000 })
  return running
}

for (const umask of [0o000, 0o077]) {
  const shown = umask.toString(8).padStart(3, '0')
  test(`with umask ${shown}, only the owner can use any file of the data directory`, async (t) => {
    const before = process.umask(umask)
    t.after(() => process.umask(before))
    const directory = join(await temporaryDirectory(t), 'data')

    assertOwnersAlone(await runOnce(t, directory))
    const stopped = await modesIn(directory)
    const letters = join(directory, 'channels', '__dead_letters')
    for (const name of await readdir(letters)) {
      const path = join(letters, name)
      if (name.endsWith('.log')) await writeFile(path, (await readFile(path)).fill(1, 60, 90))
    }
    assertOwnersAlone(await runOnce(t, directory))
    const damaged = await modesIn(directory)

    assertOwnersAlone(stopped)
    assertOwnersAlone(damaged)
    for (const kind of [
      ...['journal/N.jnl', 'channels/c/N.log', 'channels/c/cursors'],
      ...['channels/__dead_letters/N.log', 'channels/__sessions/N.log'],
    ]) {
      assert.equal(stopped.get(kind), '- 600', kind)
    }
    const quarantined = [...damaged.keys()].filter((name) => name.includes('quarantine/'))
    assert.ok(quarantined.length > 0, [...damaged.keys()].join(' '))
  })
}
