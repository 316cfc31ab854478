/**
 * kill -9 at random moments, over and over on the same directories: whatever a writer had been
 * promised is there afterwards. KILL_ROUNDS says how often (200 take well under a minute; days
 * are possible).
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import type { ChannelLog } from '../../src/channels/channel-log.ts'
import { inspectDirectory } from '../../src/channels/disk/inspect.ts'
import { ConnectorError } from '../../src/errors.ts'
import { temporaryDirectory } from '../support/disk-stores.ts'
import { CHANNELS, isAsWritten } from './expected-messages.ts'
import { SMALL_MAX_BYTES, smallStore } from './small-store.ts'

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 200)
const LANES = 4
const WRITER = join(import.meta.dirname, 'log-writer.js')

/** What a channel's writers have been told. */
interface Promised {
  committed: number
  /** Messages below may be gone. */
  releasing: number
  saved: number
  id: string | undefined
}

class Lane {
  readonly #directory: string
  readonly promised = new Map<string, Promised>(
    CHANNELS.map((channel) => [channel, { committed: 0, releasing: 0, saved: 0, id: undefined }]),
  )

  constructor(directory: string) {
    this.#directory = directory
  }

  async round(): Promise<void> {
    const child = startWriter(this.#directory)
    const reading = this.#listen(child)
    // From the process's start, so that opening and recovery are hit too.
    const delayMs = Math.random() < 0.2 ? Math.random() * 100 : undefined
    if (delayMs === undefined) {
      await once(child.stdout!, 'data')
      await after(Math.random() * 60)
    } else {
      await after(delayMs)
    }
    child.kill('SIGKILL')
    await Promise.all([reading, child.exitCode ?? child.signalCode ?? once(child, 'exit')])
    await this.#check()
  }

  async #listen(child: ChildProcess): Promise<void> {
    for await (const line of createInterface({ input: child.stdout! })) {
      const [word, channel = '', offset] = line.split(' ')
      const promised = this.promised.get(channel)
      if (promised === undefined) continue
      if (word === 'committed') promised.committed = Number(offset)
      if (word === 'releasing') promised.releasing = Number(offset)
      if (word === 'saved') promised.saved = Number(offset)
    }
  }

  async #check(): Promise<void> {
    assert.ok((await bytesBelow(this.#directory)) <= SMALL_MAX_BYTES)
    const store = smallStore(this.#directory)
    const logs = await store.open()
    for (const [channel, promised] of this.promised) {
      const log = logs.find((one) => one.channel === channel)
      if (promised.committed > 0) assert.ok(log, `${channel} is gone`)
      if (log !== undefined) await checkLog(log, promised)
    }
    await store.close()
  }
}

async function checkLog(log: ChannelLog, promised: Promised): Promise<void> {
  assert.deepEqual([...log.damaged], [])
  assert.ok(log.start <= promised.releasing, `${log.channel} begins at ${log.start}`)
  assert.ok(log.committed >= promised.committed, `${log.channel} ends at ${log.committed}`)
  promised.id ??= log.id
  assert.equal(log.id, promised.id)
  const position = (await log.loadState())?.cursors['primary']?.position ?? 0
  assert.ok(position >= promised.saved, `${log.channel} forgot where its reader was`)
  let at = log.start
  while (at < log.committed) {
    const messages = await log.read(at, 500, 1_000_000)
    for (const message of messages) {
      assert.equal(message.offset, at++)
      assert.ok(isAsWritten(log.channel, message), `${log.channel} ${message.offset} was altered`)
    }
    assert.ok(messages.length > 0, `${log.channel} can't be read at ${at}`)
  }
}

function startWriter(directory: string): ChildProcess {
  return spawn(process.execPath, [WRITER, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
}

function after(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}

async function bytesBelow(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(
    files.map((entry) => stat(join(entry.parentPath, entry.name)).then((found) => found.size)),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function runningWriter(t: TestContext, directory: string): Promise<ChildProcess> {
  const child = startWriter(directory)
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout!, 'data')
  return child
}

test(`kill -9 at ${ROUNDS} random moments loses nothing that was committed`, async (t) => {
  const lanes = await Promise.all(
    Array.from({ length: LANES }, async () => new Lane(await temporaryDirectory(t))),
  )
  let left = ROUNDS

  await Promise.all(
    lanes.map(async (lane) => {
      while (left-- > 0) await lane.round()
    }),
  )

  const committed = lanes.flatMap((lane) => [...lane.promised.values()])
  const messages = committed.reduce((sum, promised) => sum + promised.committed, 0)
  t.diagnostic(JSON.stringify({ kills: ROUNDS, messagesCommitted: messages, lost: 0 }))
  assert.ok(messages > ROUNDS)
})

test('a directory in use is refused and can be inspected', async (t) => {
  const directory = await temporaryDirectory(t)
  const child = await runningWriter(t, directory)

  const refusal = await smallStore(directory)
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
