/**
 * kill -9 of a bare writer at random moments, again and again on the same directories: every
 * message whose commit it reported is there afterwards.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { nodeFileLayer } from '../../src/channels/disk/files/node-file-layer.ts'
import { readJournal } from '../../src/channels/disk/journal/journal-reading.ts'
import type { ChannelLog } from '../../src/channels/log/channel-log.ts'
import { channelNames, isAsWritten } from './expected-messages.ts'
import { maxBytesFor, smallStore } from './small-store.ts'

/** How long a writer writes, at most. */
const MOST_MS = 200
const WRITER = join(import.meta.dirname, 'log-writer.js')

export interface KillOptions {
  readonly rounds: number
  /** Directories that are written to at the same time. */
  readonly lanes: number
  readonly channels: number
  readonly progress?: (done: number) => void
}

export interface KillFigures {
  readonly kills: number
  readonly messagesCommitted: number
  /** Slots of the journal that were used. */
  readonly slotsUsed: number
}

/** @throws when anything is lost or altered; the directory then stays for a look */
export async function killWriters({
  rounds,
  lanes,
  channels,
  progress,
}: KillOptions): Promise<KillFigures> {
  const all = await Promise.all(Array.from({ length: lanes }, () => Lane.make(channels)))
  let left = rounds
  await Promise.all(
    all.map(async (lane) => {
      while (left-- > 0) {
        await lane.round()
        progress?.(rounds - Math.max(0, left))
      }
    }),
  )
  const promised = all.flatMap((lane) => [...lane.promised.values()])
  const figures = {
    kills: rounds,
    messagesCommitted: promised.reduce((sum, { committed }) => sum + committed, 0),
    slotsUsed: (await Promise.all(all.map((lane) => lane.slotsUsed()))).reduce((a, b) => a + b, 0),
  }
  await Promise.all(all.map((lane) => lane.remove()))
  return figures
}

/** What a channel's writer has reported. */
interface Promised {
  committed: number
  /** Messages below may be gone. */
  releasing: number
  saved: number
  id: string | undefined
}

class Lane {
  readonly promised: ReadonlyMap<string, Promised>
  readonly #directory: string

  private constructor(directory: string, channels: number) {
    this.#directory = directory
    const nothing = () => ({ committed: 0, releasing: 0, saved: 0, id: undefined })
    this.promised = new Map(channelNames(channels).map((channel) => [channel, nothing()]))
  }

  static async make(channels: number): Promise<Lane> {
    return new Lane(await mkdtemp(join(tmpdir(), 'kill-')), channels)
  }

  async round(): Promise<void> {
    const child = startWriter(this.#directory, this.promised.size)
    const reading = this.#listen(child)
    // From the process's start, so that opening and recovery are hit too.
    if (Math.random() < 0.2) {
      await after(Math.random() * 100)
    } else {
      await once(child.stdout!, 'data')
      await after(Math.random() * MOST_MS)
    }
    child.kill('SIGKILL')
    await Promise.all([reading, child.exitCode ?? child.signalCode ?? once(child, 'exit')])
    assert.equal(child.exitCode, null, 'the writer ended by itself')
    try {
      await this.#check()
    } catch (error) {
      const what = error instanceof Error ? error.message : error
      throw new Error(`${what} (in ${this.#directory})`, { cause: error })
    }
  }

  async slotsUsed(): Promise<number> {
    const journal = await readJournal(nodeFileLayer, join(this.#directory, 'journal'))
    return journal.generation
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true })
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
    const channels = this.promised.size
    const bytes = await bytesBelow(this.#directory)
    assert.ok(bytes <= maxBytesFor(channels), `${bytes} bytes are taken`)
    const store = smallStore({ directory: this.#directory, channels })
    const logs = new Map((await store.open()).map((log) => [log.channel, log]))
    for (const [channel, promised] of this.promised) {
      const log = logs.get(channel)
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

export function startWriter(directory: string, channels: number): ChildProcess {
  const args = [WRITER, directory, String(channels)]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
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
