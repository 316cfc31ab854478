/** A process that sends batches as fast as possible, one after the other in each channel. */
import { pathToFileURL } from 'node:url'
import { BatchPutMessageCommand, IoTAnalyticsClient } from '@aws-sdk/client-iotanalytics'
import type { Batch } from '../../src/destinations/destination.ts'
import type { Message } from '../../src/message.ts'

export type SenderKind = 'destination' | 'sdk'

export interface Load {
  readonly url: string
  readonly payloadBytes: number
  readonly batchMessages: number
  /** The number of batches under way at once. */
  readonly channels: number
  readonly durationMs: number
}

export interface Sample {
  readonly cpuMicroseconds: number
  readonly messagesPerSecond: number
}

type Send = (batch: Batch) => Promise<unknown>

const REGION = 'us-west-2'
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'EXAMPLEKEY' }

/** Measures each load that the parent process sends, and answers with a sample. */
export function answerMeasurements(sender: {
  readonly kind: SenderKind
  readonly build: string
}): void {
  const senders = new Map<string, Send>()
  process.on('message', (load: Load) => {
    void (async () => {
      const send = senders.get(load.url) ?? (await senderOf(sender.kind, sender.build, load.url))
      senders.set(load.url, send)
      process.send?.(await measure(send, load))
    })()
  })
  process.on('disconnect', () => process.exit())
}

async function measure(send: Send, load: Load): Promise<Sample> {
  const { batchMessages, durationMs } = load
  const batches = Array.from({ length: load.channels }, (_, index) => makeBatch(index, load))
  const begun = performance.now()
  const cpu = process.cpuUsage()
  let messages = 0
  await Promise.all(
    batches.map(async (batch) => {
      while (performance.now() - begun < durationMs) {
        await send(batch)
        messages += batchMessages
      }
    }),
  )
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - begun) / 1_000
  return { cpuMicroseconds: (user + system) / messages, messagesPerSecond: messages / seconds }
}

function makeBatch(channel: number, { payloadBytes, batchMessages }: Load): Batch {
  const messages = Array.from(
    { length: batchMessages },
    (_, offset): Message => ({
      offset,
      receivedAt: 0,
      topic: 'bench',
      senderId: undefined,
      messageId: `0a1b2c3d-${offset}`,
      payload: Buffer.alloc(payloadBytes, `{"reading":${offset}}`),
      reply: undefined,
    }),
  )
  return { channel: `bench_${channel}`, logId: '0a1b2c3d', messages }
}

async function senderOf(kind: SenderKind, build: string, endpoint: string): Promise<Send> {
  if (kind === 'sdk') return sdkClient(endpoint)
  const part = (path: string) => import(pathToFileURL(`${build}/src/${path}`).href)
  const { IotAnalyticsDestination } = await part('destinations/iot-analytics/destination.js')
  const { iotAnalyticsOptions } = await part('destinations/iot-analytics/options.js')
  const { systemClock } = await part('clock.js')
  const destination = new IotAnalyticsDestination({
    name: 'bench',
    options: iotAnalyticsOptions.parse({ endpoint, credentials }),
    region: REGION,
    clock: systemClock,
  })
  await destination.open()
  const never = new AbortController().signal
  return (batch) => destination.send(batch, never)
}

function sdkClient(endpoint: string): Send {
  const client = new IoTAnalyticsClient({
    endpoint,
    region: REGION,
    credentials: { ...credentials },
  })
  return ({ channel, messages }) => {
    const entries = messages.map(({ messageId, payload }) => ({ messageId, payload }))
    return client.send(new BatchPutMessageCommand({ channelName: channel, messages: entries }))
  }
}
