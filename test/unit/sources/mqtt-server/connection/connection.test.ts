/** The phases of one connection: new, identifying, open, ending, closed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { silentObserver } from '../../../../../src/observer.ts'
import {
  type AccessControl,
  type Denied,
  everythingPermitted,
  type Identity,
} from '../../../../../src/sources/mqtt-server/access/access-control.ts'
import { Broker } from '../../../../../src/sources/mqtt-server/broker/broker.ts'
import { ServerReports } from '../../../../../src/sources/mqtt-server/broker/server-reports.ts'
import { Connection } from '../../../../../src/sources/mqtt-server/connection/connection.ts'
import { FlushQueue } from '../../../../../src/sources/mqtt-server/connection/socket-writer.ts'
import {
  DEFAULT_LIMITS,
  type MqttLimits,
} from '../../../../../src/sources/mqtt-server/limits/limits.ts'
import { LoopTurns } from '../../../../../src/sources/mqtt-server/limits/loop-turns.ts'
import { WORK_OF_ALL_A_TURN } from '../../../../../src/sources/mqtt-server/limits/work.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { MemorySocket } from '../../../../support/mqtt/memory-socket.ts'
import {
  connectPacket,
  frame,
  PINGREQ,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { RecordingIntake } from '../../../../support/mqtt/recording-intake.ts'

const CONNACK = '20020000'
const PINGRESP = 'd000'
const DISCONNECT = frame(0xe0)
const CHANNEL = 'iotanalytics/channels/c/messages/binary/put'
const ANYONE: Identity = { userName: undefined }

/** How many bytes may wait for a client: less than the buffer of a stream, which emits 'drain'. */
const MAX_OUTGOING_BYTES = 10_000

interface Parts {
  readonly identify?: () => Identity | Denied | Promise<Identity | Denied>
  readonly limits?: Partial<MqttLimits>
}

function startServer({ identify = () => ANYONE, limits: changed }: Parts = {}) {
  const clock = new ManualClock()
  const intake = new RecordingIntake()
  const limits = { ...DEFAULT_LIMITS, maxOutgoingBytes: MAX_OUTGOING_BYTES, ...changed }
  const refused: string[] = []
  const disconnected: string[] = []
  const reports = new ServerReports(
    {
      ...silentObserver,
      clientRefused: (_source, _remote, reason) => void refused.push(reason),
      clientDisconnected: (_source, clientId, reason) =>
        void disconnected.push(`${clientId}: ${reason}`),
    },
    'mqttServer',
  )
  const broker = new Broker({ intake, limits, clock, reports, protectedTopics: [] })
  intake.listen(broker.commitGate)
  const access: AccessControl = {
    identify,
    permissionsOf: () => everythingPermitted,
    isCurrent: () => true,
  }
  const context = { broker, access, limits, clock, reports, revealsRefusals: true }
  const turns = new LoopTurns()
  const flushes = new FlushQueue(turns)
  return {
    clock,
    intake,
    broker,
    turns,
    refused,
    disconnected,
    /** A client's socket is connected. */
    arrive() {
      const socket = new MemorySocket()
      const arrival = {
        socket,
        transport: 'mqtt' as const,
        address: '192.0.2.1',
        remote: '192.0.2.1:1883',
        certificateName: undefined,
      }
      let isClosed = false
      const onClosed = (): void => {
        isClosed = true
      }
      const connection = new Connection({ arrival, context, flushes, turns, onClosed })
      connection.open()
      return {
        socket,
        connection,
        get isClosed() {
          return isClosed
        },
        async send(...packets: Buffer[]): Promise<string> {
          socket.arrive(...packets)
          await nextTurn()
          return socket.takeSent()
        },
        sweep: () => connection.sweep(clock.monotonic()),
      }
    },
  }
}

/** An identity that is found later, as when a password is checked. */
function identifyLater() {
  let resolve: (verdict: Identity | Denied) => void = () => undefined
  const verdict = new Promise<Identity | Denied>((done) => {
    resolve = done
  })
  return {
    identify: () => verdict,
    async found(identity: Identity | Denied): Promise<void> {
      resolve(identity)
      await nextTurn()
    },
  }
}

test('new: without CONNECT the connection ends when its time is over', async () => {
  const server = startServer()
  const client = server.arrive()
  await client.send(connectPacket().subarray(0, 5))

  server.clock.advance(DEFAULT_LIMITS.connectTimeoutMs)
  client.sweep()
  const early = client.socket.writableEnded
  server.clock.advance(1)
  client.sweep()

  assert.equal(early, false)
  assert.equal(client.socket.writableEnded, true)
  assert.deepEqual(server.refused, ['no CONNECT in time'])
  assert.deepEqual(server.disconnected, [])
})

test('new: a first packet that is not CONNECT ends the connection without an answer', async () => {
  const server = startServer()
  const client = server.arrive()

  const answer = await client.send(PINGREQ)

  assert.equal(answer, '')
  assert.equal(client.socket.writableEnded, true)
  assert.deepEqual(server.refused, ['first packet is not CONNECT'])
})

test('identifying: packets behind CONNECT wait, the socket is paused, and the time for CONNECT stops', async () => {
  const identity = identifyLater()
  const server = startServer(identity)
  const client = server.arrive()

  const early = await client.send(connectPacket(), PINGREQ)
  const isPaused = client.socket.isPaused()
  server.clock.advance(10 * DEFAULT_LIMITS.connectTimeoutMs)
  client.sweep()
  await identity.found(ANYONE)

  assert.equal(early, '')
  assert.equal(isPaused, true)
  assert.equal(client.socket.takeSent(), CONNACK + PINGRESP)
  assert.equal(client.socket.isPaused(), false)
})

test('identifying: a client that leaves meanwhile gets no session', async () => {
  const identity = identifyLater()
  const server = startServer(identity)
  const client = server.arrive()
  await client.send(connectPacket({ clientId: 'gone' }))

  client.socket.leave()
  await nextTurn()
  await identity.found(ANYONE)

  assert.equal(client.isClosed, true)
  assert.equal(server.broker.sessions.find('gone'), undefined)
  assert.deepEqual(server.disconnected, [])
})

test('identifying: a client that is refused gets CONNACK with a code, and its packets are not handled', async () => {
  const identity = identifyLater()
  const server = startServer(identity)
  const client = server.arrive()
  await client.send(connectPacket(), publishPacket({ topic: CHANNEL, payload: 'x' }))

  await identity.found({ denial: 'badCredentials' })

  assert.equal(client.socket.takeSent(), '20020004')
  assert.equal(client.socket.writableEnded, true)
  assert.deepEqual(server.intake.messages, [])
})

test('open: after DISCONNECT the session ends and nothing more is handled', async () => {
  const server = startServer()
  const client = server.arrive()
  await client.send(connectPacket({ clientId: 'a' }))

  const answer = await client.send(DISCONNECT, PINGREQ, publishPacket({ topic: CHANNEL }))
  const later = await client.send(PINGREQ)

  assert.equal(answer + later, '')
  assert.deepEqual(server.intake.messages, [])
  assert.deepEqual(server.disconnected, ['a: client disconnected'])
  assert.equal(client.socket.writableEnded, true)
})

test('open: a second CONNECT is a protocol error, and MQTT 5 gets its code', async () => {
  const server = startServer()
  const client = server.arrive()
  await client.send(connectPacket({ version: 5 }))

  const answer = await client.send(connectPacket({ version: 5 }))

  assert.equal(answer.slice(0, 2), 'e0')
  assert.equal(answer.slice(4, 6), '82')
  assert.equal(client.socket.writableEnded, true)
})

test('open: a client that is silent is disconnected, and its connection closes with its socket', async () => {
  const server = startServer()
  const client = server.arrive()
  await client.send(connectPacket({ clientId: 'a', version: 5, keepAliveS: 10 }))

  server.clock.advance(16_000)
  client.sweep()
  await nextTurn()
  const early = client.socket.takeSent()
  server.clock.advance(1)
  client.sweep()
  await nextTurn()
  const answer = client.socket.takeSent()
  const isClosedEarly = client.isClosed
  client.socket.leave()
  await nextTurn()

  assert.equal(early, '')
  assert.equal(answer.slice(4, 6), '8d')
  assert.equal(isClosedEarly, false)
  assert.equal(client.isClosed, true)
  assert.deepEqual(server.disconnected, ['a: nothing heard for 1.5 keep-alive intervals'])
})

test('open: a client with the same id takes over, and the first one gets the reason before it ends', async () => {
  const server = startServer()
  const first = server.arrive()
  await first.send(connectPacket({ clientId: 'a', version: 5 }))
  const second = server.arrive()

  const answer = await second.send(connectPacket({ clientId: 'a' }))

  assert.equal(answer, CONNACK)
  assert.equal(first.socket.takeSent().slice(4, 6), '8e')
  assert.equal(first.socket.writableEnded, true)
  assert.equal(second.socket.writableEnded, false)
})

test('open: a client that does not read is not read, until it reads again', async () => {
  const server = startServer()
  const reader = server.arrive()
  await reader.send(connectPacket({ clientId: 'reader' }), subscribePacket(1, { news: 0 }))
  const publisher = server.arrive()
  await publisher.send(connectPacket({ clientId: 'publisher' }))
  reader.socket.isClientReading = false

  const news = publishPacket({ topic: 'news', payload: Buffer.alloc(MAX_OUTGOING_BYTES + 1) })
  await publisher.send(news)
  const isPaused = reader.socket.isPaused()
  const unanswered = await reader.send(PINGREQ)
  reader.socket.readAgain()
  await nextTurn()
  await nextTurn()

  assert.equal(isPaused, true)
  assert.equal(unanswered, '')
  assert.equal(reader.socket.isPaused(), false)
  assert.ok(reader.socket.takeSent().endsWith(PINGRESP))
})

test('open: a client that reads nothing for 30 s is cut off', async () => {
  const server = startServer()
  const reader = server.arrive()
  await reader.send(connectPacket({ clientId: 'reader' }), subscribePacket(1, { news: 0 }))
  const publisher = server.arrive()
  await publisher.send(connectPacket({ clientId: 'publisher' }))
  reader.socket.isClientReading = false
  await publisher.send(publishPacket({ topic: 'news', payload: 'a few bytes' }))
  reader.sweep()

  server.clock.advance(30_000)
  reader.sweep()
  const early = reader.socket.destroyed
  server.clock.advance(1)
  reader.sweep()
  await nextTurn()

  assert.equal(early, false)
  assert.equal(reader.socket.destroyed, true)
  assert.equal(reader.isClosed, true)
  assert.equal(server.broker.connectionBytes.outgoing.used, 0)
  assert.deepEqual(server.disconnected, ['reader: has read nothing for 30 s'])
})

test('open: clients that read nothing keep to one bound together, and take no message of one that reads', async () => {
  const maxOutgoingBytesOfAll = 2_000_000
  const server = startServer({ limits: { maxOutgoingBytes: 100_000, maxOutgoingBytesOfAll } })
  const subscriber = async (clientId: string) => {
    const client = server.arrive()
    await client.send(connectPacket({ clientId }), subscribePacket(1, { news: 0 }))
    return client
  }
  for (let i = 0; i < 100; i++) {
    const { socket } = await subscriber(`silent ${i}`)
    socket.isClientReading = false
  }
  const reader = await subscriber('reader')
  const publisher = server.arrive()
  await publisher.send(connectPacket({ clientId: 'publisher' }))

  let arrived = 0
  for (let i = 0; i < 50; i++) {
    await publisher.send(publishPacket({ topic: 'news', payload: Buffer.alloc(5_000, i) }))
    arrived += reader.socket.takeWrites().length
  }

  const { used } = server.broker.connectionBytes.outgoing
  assert.equal(arrived, 50)
  assert.ok(used > 500_000 && used <= maxOutgoingBytesOfAll, `${used} bytes`)
})

test('open: clients that never complete their packets keep to one bound, and end with a reason', async () => {
  const maxPartialBytesOfAll = 100_000
  const server = startServer({ limits: { maxPartialBytesOfAll } })
  const whole = publishPacket({ topic: 'news', payload: Buffer.alloc(50_000) })
  const polite = server.arrive()
  await polite.send(connectPacket({ clientId: 'polite' }))

  for (let i = 0; i < 10; i++) {
    const silent = server.arrive()
    await silent.send(connectPacket({ clientId: `silent ${i}` }))
    await silent.send(whole.subarray(0, 30_000))
    await polite.send(whole.subarray(0, 30_000))
    await polite.send(whole.subarray(30_000))
  }

  assert.ok(server.broker.connectionBytes.partial.bytes <= maxPartialBytesOfAll)
  assert.equal(await polite.send(PINGREQ), PINGRESP)
  assert.match(server.disconnected[0] ?? '', /^silent 0: its packet is not complete/)
  assert.ok(server.disconnected.every((line) => line.startsWith('silent')))
})

test('open: QoS 0 messages that wait for a commit are taken in after the client has left', async () => {
  const server = startServer()
  const client = server.arrive()
  await client.send(connectPacket({ clientId: 'a' }))
  server.intake.isSaturated = true
  await client.send(publishPacket({ topic: CHANNEL, payload: 'last words' }))

  client.socket.leave()
  await nextTurn()
  const isClosedEarly = client.isClosed
  server.intake.isSaturated = false
  server.intake.commit()

  assert.equal(isClosedEarly, false)
  assert.equal(server.intake.messages.length, 1)
  assert.equal(client.isClosed, true)
})

test('ending: a client that does not close its side is cut off after 2 s', async () => {
  const server = startServer()
  const client = server.arrive()
  await client.send(connectPacket())
  await client.send(DISCONNECT)

  server.clock.advance(2_000)
  client.sweep()
  const early = client.socket.destroyed
  server.clock.advance(1)
  client.sweep()
  await nextTurn()

  assert.equal(early, false)
  assert.equal(client.socket.destroyed, true)
  assert.equal(client.isClosed, true)
})

test('open: a long chunk that waits when the client leaves is still taken in', async () => {
  const server = startServer()
  const client = server.arrive()
  await client.send(connectPacket({ clientId: 'a' }))
  const message = publishPacket({ topic: CHANNEL, payload: Buffer.alloc(10_000) })

  server.turns.spend(WORK_OF_ALL_A_TURN)
  client.socket.arrive(message)
  client.socket.leave()
  await nextTurn()
  const isEarly = client.isClosed && server.intake.messages.length === 0
  await nextTurn()
  await nextTurn()

  assert.equal(isEarly, false)
  assert.equal(server.intake.messages.length, 1)
  assert.equal(client.isClosed, true)
})
