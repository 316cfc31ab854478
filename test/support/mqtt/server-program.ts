/**
 * Run with `fork`: a server in a process of its own, so that its memory can be measured. It is
 * either the MQTT server, with default or tight bounds, or plain sockets for comparison. Sends its
 * port, and answers each message with its memory after a garbage collection.
 */
import { createServer, type Socket } from 'node:net'
import { systemClock } from '../../../src/clock.ts'
import { silentObserver } from '../../../src/observer.ts'
import type { MqttLimits } from '../../../src/sources/mqtt-server/limits/limits.ts'
import { MqttServer } from '../../../src/sources/mqtt-server/mqtt-server.ts'
import { mqttServerOptions } from '../../../src/sources/mqtt-server/options.ts'
import { collectGarbage } from '../garbage.ts'
import { CommittingIntake } from './committing-intake.ts'
import type { ServerState } from './server-process.ts'

interface Served {
  readonly port: number
  connectionCount(): number
  messages(): number
}

/** Bounds that are reached within seconds: memory that still grows then is unbounded. */
const TIGHT: Partial<MqttLimits> = {
  maxInflight: 20,
  maxQueuedMessages: 100,
  maxQueuedBytesOfAll: 2_097_152,
  maxOfflineSessions: 50,
  maxSubscriptionsPerClient: 20,
  maxRetainedMessages: 100,
  maxRetainedBytes: 1_048_576,
}

async function mqttServer(limits: Partial<MqttLimits>): Promise<Served> {
  const server = new MqttServer({
    options: mqttServerOptions.parse({ port: 0 }),
    observer: silentObserver,
    clock: systemClock,
    protectedTopics: [],
    limits,
  })
  const intake = new CommittingIntake()
  await server.start(intake)
  return {
    port: server.port,
    connectionCount: () => server.connectionCount,
    messages: () => intake.messages,
  }
}

async function socketServer(): Promise<Served> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('data', () => socket.write(Buffer.from([0x20, 2, 0, 0])))
    socket.on('data', () => undefined)
    socket.on('drain', () => undefined)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, resolve)
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return { port: address.port, connectionCount: () => sockets.size, messages: () => 0 }
}

const kind = process.argv[2]
const served = await (kind === 'sockets'
  ? socketServer()
  : mqttServer(kind === 'tight' ? TIGHT : {}))
process.on('message', () => {
  collectGarbage()
  const { heapUsed, external, rss } = process.memoryUsage()
  const state: ServerState = {
    heldBytes: heapUsed + external,
    rssBytes: rss,
    connectionCount: served.connectionCount(),
    messages: served.messages(),
  }
  process.send?.(state)
})
process.on('disconnect', () => process.exit(0))
process.send?.(served.port)
