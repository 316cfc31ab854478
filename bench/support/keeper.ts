/**
 * The receiver for which a server keeps acknowledged messages, and how those are counted
 * afterwards: an absent subscriber, an absent destination, or a later reader of a stream.
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
/** A restarted server may have to load its queue first. */
const QUIET_MS = 2000
/** A server that was running all along has no reason to be silent this long. */
const SHORT_QUIET_MS = 1000

export interface PeerServer {
  readonly port: number
  readonly pid: number
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** The server's own count of its messages, if no client can fetch them. */
  waiting?(): Promise<number>
}

/**
 * Starts the server again on the same files; a destination listens on `endpointPort` by then.
 */
export type Restart = (endpointPort?: number) => Promise<PeerServer>

export interface Keeper {
  readonly topic: string
  readonly program: 'broker-load.js' | 'nats-load.js'
  readonly keptFor: string
  prepare(port: number): Promise<void>
  open(port: number): Promise<NumberedPublisher>
  /** How many messages a running server has kept; this may consume them. */
  count(server: PeerServer): Promise<number>
  /** The numbers of the messages that reached their receiver. */
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
    keptFor: 'a later reader of the stream',
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
