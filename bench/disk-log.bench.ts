/**
 * What a durable append costs: CPU per message of append and commit together, for groups of
 * 10, 100 and 1,000 messages of 100 bytes, one channel, on the disk below the temporary directory.
 * Prints JSON. `node build/bench/disk-log.bench.js [directory]`
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiskLogStore } from '../src/channels/disk/disk-log-store.ts'
import { MemoryBudget } from '../src/channels/log/memory-budget.ts'
import { systemClock } from '../src/clock.ts'
import { silentObserver } from '../src/observer.ts'

const MEBIBYTE = 1024 * 1024
const ROUNDS = 3

interface Figure {
  readonly group: number
  readonly messages: number
  readonly cpuMicrosPerMessage: number
  readonly appendMicrosPerMessage: number
  readonly messagesPerSecond: number
  readonly readMicrosPerMessage: number
}

async function measure(directory: string, group: number, messages: number): Promise<Figure> {
  const store = new DiskLogStore({
    directory: join(directory, `group-${group}-${Math.random()}`),
    maxBytes: 1024 * MEBIBYTE,
    segmentBytes: 16 * MEBIBYTE,
    segmentMaxAgeMs: 86_400_000,
    historyBytes: 0,
    budget: new MemoryBudget(64 * MEBIBYTE),
    clock: systemClock,
    observer: silentObserver,
  })
  await store.open()
  const log = store.create('bench')
  const bytes = Buffer.alloc(64 * 1024, '{"sensor":7,"value":21.5}')
  const draft = {
    receivedAt: 0,
    topic: 'factory/line-1/temperature',
    id: undefined,
    text: undefined,
    bytes,
    start: 0,
    end: 0,
    reply: undefined,
  }
  const cpu = process.cpuUsage()
  const began = performance.now()
  let appendMs = 0
  for (let done = 0; done < messages; done += group) {
    const from = performance.now()
    draft.receivedAt = Date.now()
    for (let index = 0; index < group; index++) {
      draft.start = (index * 128) % 60_000
      draft.end = draft.start + 100
      log.append(draft)
    }
    appendMs += performance.now() - from
    await store.commit()
  }
  const { user, system } = process.cpuUsage(cpu)
  const wallMs = performance.now() - began
  const readMs = await readBack(log)
  await store.close()
  return {
    group,
    messages,
    cpuMicrosPerMessage: round((user + system) / messages),
    appendMicrosPerMessage: round((appendMs * 1000) / messages),
    messagesPerSecond: Math.round(messages / (wallMs / 1000)),
    readMicrosPerMessage: round((readMs * 1000) / messages),
  }
}

/** Reads batches of 100, from disk or from memory. */
async function readBack(log: {
  read(from: number, maxCount: number, maxBytes: number): Promise<readonly unknown[]>
}): Promise<number> {
  const began = performance.now()
  let at = 0
  for (;;) {
    const batch = await log.read(at, 100, MEBIBYTE)
    if (batch.length === 0) return performance.now() - began
    at += batch.length
  }
}

function round(figure: number): number {
  return Math.round(figure * 1000) / 1000
}

const directory = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'disk-log-bench-'))
try {
  await measure(directory, 1000, 100_000)
  const figures: Figure[] = []
  for (const [group, messages] of [
    [10, 10_000],
    [100, 100_000],
    [1000, 400_000],
  ] as const) {
    for (let turn = 0; turn < ROUNDS; turn++) {
      figures.push(await measure(directory, group, messages))
    }
  }
  console.log(JSON.stringify({ bench: 'disk-log', node: process.version, figures }, undefined, 2))
} finally {
  await rm(directory, { recursive: true, force: true })
}
