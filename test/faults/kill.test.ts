/**
 * kill -9 at random moments: every committed message is there afterwards. KILL_ROUNDS says how
 * often (200 take well under a minute; days are possible).
 */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { inspectDirectory } from '../../src/channels/disk/doctor/inspect.ts'
import { ConnectorError } from '../../src/errors.ts'
import { temporaryDirectory } from '../support/disk/disk-stores.ts'
import { killWriters, startWriter } from './kill-lanes.ts'
import { smallStore } from './small-store.ts'

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 200)
const LANES = 4
const CHANNELS = 3
const MANY_CHANNELS = 500

async function runningWriter(t: TestContext, directory: string): Promise<ChildProcess> {
  const child = startWriter(directory, CHANNELS)
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout!, 'data')
  return child
}

test(`kill -9 at ${ROUNDS} random moments loses nothing that was committed`, async (t) => {
  const figures = await killWriters({ rounds: ROUNDS, lanes: LANES, channels: CHANNELS })

  t.diagnostic(JSON.stringify({ ...figures, lost: 0 }))
  assert.ok(figures.messagesCommitted > ROUNDS)
  assert.ok(figures.slotsUsed > ROUNDS, 'slots were used again and again')
})

test(`kill -9 with ${MANY_CHANNELS} channels loses nothing that was committed`, async (t) => {
  const rounds = Math.ceil(ROUNDS / 20)

  const figures = await killWriters({ rounds, lanes: 2, channels: MANY_CHANNELS })

  t.diagnostic(JSON.stringify({ ...figures, lost: 0 }))
  assert.ok(figures.messagesCommitted > rounds)
})

test('a directory in use is refused and can be inspected', async (t) => {
  const directory = await temporaryDirectory(t)
  const child = await runningWriter(t, directory)

  const refusal = await smallStore({ directory, channels: CHANNELS })
    .open()
    .catch((error: unknown) => error)
  const inspection = await inspectDirectory(directory)

  assert.ok(refusal instanceof ConnectorError)
  assert.equal(refusal.code, 'DirectoryLocked')
  assert.match(refusal.message, new RegExp(`process ${child.pid} `))
  assert.equal(inspection.usedBy?.pid, child.pid)
  assert.deepEqual(
    inspection.channels.flatMap((channel) => channel.missing),
    [],
  )
  assert.equal(child.exitCode, null)
})
