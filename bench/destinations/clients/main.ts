/**
 * Another client as a program: sends messages that it has in memory, and prints what it took. Its
 * argument is a ClientJob as JSON.
 */
import { payloadOf, topicOf } from '../messages.ts'
import { batchPutMessage, firehose, kinesis, s3Lines, s3Parquet } from './aws.ts'
import type { Client, ClientJob, ClientMaker, ClientName, Item } from './client.ts'
import { fetchLines, fetchPoints, jetStream, kafka, postgres } from './servers.ts'

const MAKERS: Readonly<Record<ClientName, ClientMaker>> = {
  s3: s3Lines,
  s3Parquet,
  kinesis,
  firehose,
  batchPutMessage,
  kafka,
  fetchLines,
  fetchPoints,
  pg: postgres,
  jetstream: jetStream,
}

export interface ClientFigures {
  readonly micros: number
  readonly perSecond: number
  readonly rssMegabytes: number
}

const job = JSON.parse(process.argv[2] ?? '{}') as ClientJob
const items = Array.from({ length: job.messages }, (_, index): Item => {
  const topic = topicOf(index)
  return { offset: index, receivedAt: Date.now(), topic, payload: payloadOf(index) }
})

let next = 0

async function send(client: Client, end: number): Promise<void> {
  while (next < end) {
    const from = next
    next = Math.min(end, next + job.batch)
    await client.send(items.slice(from, next))
  }
}

const lanes = Array.from({ length: job.lanes }, (_, lane) => lane)
const clients = await Promise.all(lanes.map((lane) => MAKERS[job.name](job, lane)))
await Promise.all(clients.map((client) => send(client, job.warmUp)))
const cpu = process.cpuUsage()
const startedAt = performance.now()
await Promise.all(clients.map((client) => send(client, job.messages)))
const { user, system } = process.cpuUsage(cpu)
const seconds = (performance.now() - startedAt) / 1_000
const messages = job.messages - job.warmUp
const figures: ClientFigures = {
  micros: Math.round(((user + system) * 100) / messages) / 100,
  perSecond: Math.round(messages / seconds),
  rssMegabytes: Math.round(process.resourceUsage().maxRSS / 1_024),
}
process.stdout.write(`${JSON.stringify(figures)}\n`)
for (const client of clients) await client.close()
