/** Backups: a data directory is copied, lost, and restored, as docs/operations/ says. */
import assert from 'node:assert/strict'
import { cp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Connector } from '../../src/index.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { runCommand } from '../support/processes/command-line.ts'
import {
  assertLedgerAddsUp,
  destinationOf,
  startConnector,
  temporaryDirectory,
} from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const NOBODY = { iotAnalytics: { endpoint: 'http://127.0.0.1:1', region: 'us-west-2' } }
const AT_ONCE = { PublishInterval: '0' }
const PADDING = 'x'.repeat(1_000)

/** A connector whose messages wait, because nobody is at its destination. */
function collecting(t: TestContext, directory: string): Promise<Connector> {
  const storage = { directory, maxBytes: '32MiB' }
  return startConnector(t, { destinations: [NOBODY], storage })
}

/** Starts on the directory and delivers everything. Returns the numbers of the messages. */
async function deliveredFrom(t: TestContext, directory: string): Promise<number[]> {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    destinations: [destinationOf(api)],
    parameters: AT_ONCE,
    storage: { directory, maxBytes: '32MiB' },
  })
  await until('everything is delivered', () =>
    connector.ledger().every(({ waiting, inFlight }) => waiting + inFlight === 0),
  )
  assertLedgerAddsUp(connector)
  return api
    .received('my_channel')
    .map(({ payload }) => Number(payload.toString().split(' ')[0]))
    .sort((one, other) => one - other)
}

async function publish(connector: Connector, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index)
  await Promise.all(numbers.map((n) => connector.publish('my_channel', `${n} ${PADDING}`)))
}

test('a copy of a stopped connector’s directory has every message, also after the original is lost', async (t) => {
  const directory = join(await temporaryDirectory(t), 'data')
  const backup = join(await temporaryDirectory(t), 'backup')
  const connector = await collecting(t, directory)
  await publish(connector, 0, 500)
  await connector.stop({ deadlineMs: 0 })

  await cp(directory, backup, { recursive: true })
  await rm(directory, { recursive: true })
  await rename(backup, directory)
  const doctor = await runCommand(t, ['doctor', '--data', directory])

  assert.equal(doctor.code, 0, doctor.stdout)
  assert.deepEqual(
    await deliveredFrom(t, directory),
    Array.from({ length: 500 }, (_, n) => n),
  )
})

test('a copy of a running connector’s directory, the journal first, has every message acknowledged before it began', async (t) => {
  const directory = join(await temporaryDirectory(t), 'data')
  const backup = await temporaryDirectory(t)
  const connector = await collecting(t, directory)
  await publish(connector, 0, 2_000)
  const load = { isOver: false, next: 2_000 }
  const writing = (async () => {
    while (!load.isOver) {
      await publish(connector, load.next, load.next + 200)
      load.next += 200
    }
  })()
  await until('the journal is in use', () => load.next > 3_000)
  const acknowledged = load.next

  await copyWhileInUse(directory, backup)
  load.isOver = true
  await writing
  await connector.stop({ deadlineMs: 0 })

  const delivered = new Set(await deliveredFrom(t, backup))
  const missing = Array.from({ length: acknowledged }, (_, n) => n).filter((n) => !delivered.has(n))
  assert.deepEqual(missing, [])
})

/** As `cp -r journal`, and then the rest, without the sockets of the lock. */
async function copyWhileInUse(from: string, to: string): Promise<void> {
  await cp(join(from, 'journal'), join(to, 'journal'), { recursive: true })
  for (const name of await readdir(from)) {
    if (name === 'journal' || name.endsWith('.sock')) continue
    await cp(join(from, name), join(to, name), { recursive: true })
  }
}
