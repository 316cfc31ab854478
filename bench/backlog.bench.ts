/**
 * What a large backlog costs: the time from the start of the process to the first delivery, and its
 * memory while it drains. Prints one line of JSON for each size.
 *
 *     npm run bench:backlog -- 1 10        (gigabytes)
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DiskLogStore } from '../src/channels/disk/disk-log-store.ts'
import { MemoryBudget } from '../src/channels/log/memory-budget.ts'
import { systemClock } from '../src/clock.ts'
import { silentObserver } from '../src/observer.ts'
import { ConnectorProcess, pinThisProcess } from './support/connector-process.ts'

const GIGABYTE = 1e9
const CHANNELS = 10
const MESSAGE_BYTES = 1_000
const COMMIT_MESSAGES = 2_000
const DRAIN_MS = 10_000
const CONNECTOR_CORE = 0
const ENDPOINT_CORE = 1

interface Mode {
  readonly endpoint: 'takes' | 'refuses'
  readonly memorySize: string
}

const MODES: readonly Mode[] = [
  { endpoint: 'refuses', memorySize: '65535' },
  { endpoint: 'takes', memorySize: '65535' },
  { endpoint: 'takes', memorySize: '8192' },
]

pinThisProcess(ENDPOINT_CORE)
for (const argument of process.argv.slice(2)) {
  const bytes = Number(argument) * GIGABYTE
  const directory = await mkdtemp(join(tmpdir(), 'backlog-'))
  try {
    await fill(directory, bytes)
    for (const mode of MODES) {
      const figures = await drain(directory, bytes, mode)
      const line = { gigabytes: bytes / GIGABYTE, ...mode, ...figures }
      process.stdout.write(`${JSON.stringify(line)}\n`)
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function fill(directory: string, bytes: number): Promise<void> {
  const store = new DiskLogStore({
    directory,
    maxBytes: bytes * 1.2,
    segmentBytes: 16 * 1024 * 1024,
    segmentMaxAgeMs: 86_400_000,
    historyBytes: 0,
    budget: new MemoryBudget(64 * 1024 * 1024),
    clock: systemClock,
    observer: silentObserver,
  })
  await store.open()
  const logs = Array.from({ length: CHANNELS }, (_, index) => store.create(`channel_${index}`))
  const payload = Buffer.alloc(MESSAGE_BYTES, 'x')
  const draft = {
    receivedAt: Date.now(),
    topic: 'device/1',
    id: undefined,
    text: undefined,
    bytes: payload,
    start: 0,
    end: payload.length,
    reply: undefined,
  }
  while (store.bytes < bytes) {
    for (const log of logs) {
      for (let count = 0; count < COMMIT_MESSAGES; count++) log.append(draft)
    }
    await store.commit()
  }
  await store.close()
}

async function drain(directory: string, bytes: number, mode: Mode): Promise<object> {
  let messages = 0
  let firstMs: number | undefined
  const launchedAt = performance.now()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      firstMs ??= performance.now() - launchedAt
      messages += Buffer.concat(chunks).toString('latin1').split('"messageId"').length - 1
      if (mode.endpoint === 'refuses') response.writeHead(503)
      response.end('{"batchPutMessageErrorEntries":[]}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const iotAnalytics = {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-west-2',
    credentials: { anonymous: true },
  }
  const connector = await ConnectorProcess.start(
    {
      parameters: { IotAnalyticsBatchSizePerChannel: '100', MemorySize: mode.memorySize },
      storage: { directory, maxBytes: bytes * 1.2, historyBytes: 0 },
      destinations: [{ iotAnalytics }],
      log: { level: 'silent' },
    },
    CONNECTOR_CORE,
  )
  await delay(DRAIN_MS)
  const memory = memoryOf(connector.pid)
  await connector.stop('SIGKILL')
  server.closeAllConnections()
  server.close()
  return {
    readyMs: Math.round(connector.startUpMs),
    firstDeliveryMs: Math.round(firstMs ?? Number.NaN),
    messagesDrained: messages,
    drainSeconds: DRAIN_MS / 1_000,
    ...memory,
  }
}

/** Current memory, and its peak since the start, as the kernel counts them. */
function memoryOf(pid: number): object {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const megabytes = (name: string) =>
    Math.round((Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6)
  return { rssMegabytes: megabytes('VmRSS'), peakRssMegabytes: megabytes('VmHWM') }
}
