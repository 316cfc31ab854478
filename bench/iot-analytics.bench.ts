/**
 * What a message costs on its way into BatchPutMessage: the destination against the AWS SDK's own
 * client, in full batches of 100 and in the specification's default of 5.
 *
 *     npx tsc -p tsconfig.json && node build/bench/iot-analytics.bench.js [--rounds 5] [--seconds 2] [--url http://…]
 *
 * Prints one JSON object: per client and batch size the CPU time (user and system, all threads of
 * this process) per message and the rate, as median and range over interleaved rounds. The server
 * is a process of its own that reads requests and accepts everything; signatures are made, not
 * checked. Pin the two to a core each (`taskset`) for figures worth comparing.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { BatchPutMessageCommand, IoTAnalyticsClient } from '@aws-sdk/client-iotanalytics'
import { systemClock } from '../src/clock.ts'
import type { Batch } from '../src/destinations/destination.ts'
import { IotAnalyticsDestination } from '../src/destinations/iot-analytics/destination.ts'
import { iotAnalyticsOptions } from '../src/destinations/iot-analytics/options.ts'
import type { Message } from '../src/message.ts'

const PAYLOAD_BYTES = 100
const BATCH_SIZES = [100, 5]
const CHANNELS = 4
const REGION = 'us-west-2'
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'EXAMPLEKEY' }

interface Sender {
  readonly name: string
  send(batch: Batch): Promise<unknown>
  close(): Promise<void> | void
}

interface Sample {
  readonly cpuMicroseconds: number
  readonly messagesPerSecond: number
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      url: { type: 'string' },
    },
  })
  const server = values.url === undefined ? await startServer() : undefined
  const url = values.url ?? server?.url ?? ''
  const senders = [await ours(url), theirs(url)]
  const samples = new Map<string, Sample[]>()

  // The first round warms up and does not count.
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const size of BATCH_SIZES) {
      for (const sender of senders) {
        const sample = await measure(sender, size, Number(values.seconds) * 1000)
        const key = `${sender.name}, batches of ${size}`
        if (round >= 0) samples.set(key, [...(samples.get(key) ?? []), sample])
      }
    }
  }

  for (const sender of senders) await sender.close()
  server?.process.kill()
  const results = [...samples].map(([name, all]) => ({
    name,
    cpuMicrosecondsPerMessage: summary(all.map((sample) => sample.cpuMicroseconds)),
    messagesPerSecond: summary(all.map((sample) => sample.messagesPerSecond)),
  }))
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}`
  console.log(
    JSON.stringify(
      { bench: 'iot-analytics', machine, payloadBytes: PAYLOAD_BYTES, results },
      null,
      2,
    ),
  )
}

async function measure(sender: Sender, size: number, durationMs: number): Promise<Sample> {
  const batches = Array.from({ length: CHANNELS }, (_, index) => makeBatch(`bench_${index}`, size))
  const begun = performance.now()
  const cpu = process.cpuUsage()
  let messages = 0
  await Promise.all(
    batches.map(async (batch) => {
      while (performance.now() - begun < durationMs) {
        await sender.send(batch)
        messages += size
      }
    }),
  )
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - begun) / 1000
  return { cpuMicroseconds: (user + system) / messages, messagesPerSecond: messages / seconds }
}

function makeBatch(channel: string, size: number): Batch {
  const messages = Array.from(
    { length: size },
    (_, offset): Message => ({
      offset,
      receivedAt: 0,
      topic: 'bench',
      senderId: undefined,
      messageId: `0a1b2c3d-${offset}`,
      payload: Buffer.alloc(PAYLOAD_BYTES, `{"reading":${offset}}`),
      reply: undefined,
    }),
  )
  return { channel, messages }
}

async function ours(endpoint: string): Promise<Sender> {
  const destination = new IotAnalyticsDestination({
    name: 'bench',
    options: iotAnalyticsOptions.parse({ endpoint, credentials }),
    region: REGION,
    clock: systemClock,
  })
  await destination.open()
  const never = new AbortController().signal
  return {
    name: 'destination',
    send: (batch) => destination.send(batch, never),
    close: () => destination.close(),
  }
}

function theirs(endpoint: string): Sender {
  const client = new IoTAnalyticsClient({
    endpoint,
    region: REGION,
    credentials: { ...credentials },
  })
  return {
    name: 'SDK client',
    send({ channel, messages }) {
      const entries = messages.map(({ messageId, payload }) => ({ messageId, payload }))
      return client.send(new BatchPutMessageCommand({ channelName: channel, messages: entries }))
    },
    close: () => client.destroy(),
  }
}

function summary(values: readonly number[]): { median: number; min: number; max: number } {
  const sorted = values.map((value) => Number(value.toPrecision(3))).sort((a, b) => a - b)
  const at = (index: number) => sorted[index] ?? Number.NaN
  return { median: at(sorted.length >> 1), min: at(0), max: at(sorted.length - 1) }
}

async function startServer(): Promise<{ url: string; process: ChildProcess }> {
  const child = fork(import.meta.filename, [], { env: { ...process.env, BENCH_SERVER: '1' } })
  const [port] = await once(child, 'message')
  return { url: `http://127.0.0.1:${port}`, process: child }
}

/** Reads requests by their content-length and accepts each. Nothing is parsed. */
function serve(): void {
  const body = '{"batchPutMessageErrorEntries":[]}'
  const answer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  const server = createServer({ noDelay: true }, (socket: Socket) => {
    let held: Buffer = Buffer.alloc(0)
    let missing = 0
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      if (missing > chunk.length) {
        missing -= chunk.length
        return
      }
      let rest: Buffer = missing > 0 ? chunk.subarray(missing) : Buffer.concat([held, chunk])
      if (missing > 0) socket.write(answer)
      missing = 0
      for (;;) {
        const end = rest.indexOf('\r\n\r\n')
        if (end < 0) break
        const head = rest.toString('latin1', 0, end)
        const total = end + 4 + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0)
        if (rest.length < total) {
          missing = total - rest.length
          rest = Buffer.alloc(0)
          break
        }
        socket.write(answer)
        rest = rest.subarray(total)
      }
      held = rest
    })
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (typeof address === 'object') process.send?.(address?.port)
  })
  process.on('disconnect', () => process.exit())
}

if (process.env['BENCH_SERVER'] === undefined) await main()
else serve()
