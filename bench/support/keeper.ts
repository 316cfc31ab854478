/**
 * For whom a server keeps what it acknowledges, and how that is counted afterwards: a subscriber
 * who is away, a destination that is away, or whoever reads a stream later.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { comeBack, subscribeAndLeave } from './absent-subscriber.ts'
import {
  createStream,
  messagesInStream,
  readStream,
  type StreamStorage,
  SUBJECT,
} from './nats-client.ts'
import {
  MqttNumberedPublisher,
  type NumberedPublisher,
  numberIn,
  StreamNumberedPublisher,
} from './numbered-publisher.ts'

const TOPIC = 'bench/durable'
const CHANNEL_TOPIC = 'iotanalytics/channels/bench/messages/binary/put'
/** A server that has just been restarted may have to find its queue first. */
const QUIET_MS = 2000
/** One that has been running all along has no reason to be silent that long. */
const SHORT_QUIET_MS = 1000

export interface PeerServer {
  readonly port: number
  readonly pid: number
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** What it says itself that it holds, where nobody can come and take it. */
  waiting?(): Promise<number>
}

/**
 * Starts the server again on the same files; `endpointPort` is where a destination listens by now.
 */
export type Restart = (endpointPort?: number) => Promise<PeerServer>

export interface Keeper {
  readonly topic: string
  readonly program: 'broker-load.js' | 'nats-load.js'
  readonly keptFor: string
  prepare(port: number): Promise<void>
  open(port: number): Promise<NumberedPublisher>
  /** How many messages a server that runs has kept; may take them. */
  count(server: PeerServer): Promise<number>
  /** Numbers of the messages that came to whom they were kept for. */
  collect(restart: Restart): Promise<ReadonlySet<number>>
}

export const ABSENT_SUBSCRIBER: Keeper = {
  topic: TOPIC,
  program: 'broker-load.js',
  keptFor: 'a subscriber with a persistent session who is away',
  prepare: subscribeAndLeave,
  open: (port) => MqttNumberedPublisher.open(port, TOPIC),
  count: async ({ port }) => (await comeBack(port, SHORT_QUIET_MS)).messages,
  async collect(restart) {
    const server = await restart()
    const numbers = new Set<number>()
    await comeBack(server.port, QUIET_MS, (payload) => numbers.add(numberIn(payload)))
    await server.stop('SIGKILL')
    return numbers
  },
}

export const ABSENT_DESTINATION: Keeper = {
  topic: CHANNEL_TOPIC,
  program: 'broker-load.js',
  keptFor: 'a destination that is away',
  prepare: () => Promise.resolve(),
  open: (port) => MqttNumberedPublisher.open(port, CHANNEL_TOPIC),
  count: async ({ waiting }) => (await waiting?.()) ?? Number.NaN,
  async collect(restart) {
    const numbers = new Set<number>()
    const endpoint = await listen(({ messages }) => {
      for (const { payload } of messages) numbers.add(numberIn(Buffer.from(payload, 'base64')))
    })
    const server = await restart(endpoint.port)
    await endpoint.quiet()
    await server.stop('SIGKILL')
    endpoint.close()
    return numbers
  },
}

export function streamOn(storage: StreamStorage): Keeper {
  return {
    topic: SUBJECT,
    program: 'nats-load.js',
    keptFor: 'whoever reads the stream later',
    prepare: (port) => createStream(port, storage),
    open: (port) => StreamNumberedPublisher.open(port),
    count: ({ port }) => messagesInStream(port),
    async collect(restart) {
      const server = await restart()
      const numbers = new Set<number>()
      await readStream(server.port, QUIET_MS, (payload) => numbers.add(numberIn(payload)))
      await server.stop('SIGKILL')
      return numbers
    },
  }
}

interface PutRequest {
  readonly messages: readonly { readonly payload: string }[]
}

/** A BatchPutMessage endpoint that accepts everything and reads it. */
async function listen(onRequest: (request: PutRequest) => void) {
  const endpoint = createServer(async (request, response) => {
    quietTimer?.refresh()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    onRequest(JSON.parse(Buffer.concat(chunks).toString()) as PutRequest)
    response.setHeader('content-type', 'application/json')
    response.end('{"batchPutMessageErrorEntries":[]}')
  })
  let quietTimer: NodeJS.Timeout | undefined
  endpoint.listen(0, '127.0.0.1')
  await once(endpoint, 'listening')
  const address = endpoint.address()
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    quiet: () =>
      new Promise<void>((resolve) => {
        quietTimer = setTimeout(resolve, QUIET_MS)
      }),
    close: () => endpoint.close().closeAllConnections(),
  }
}
