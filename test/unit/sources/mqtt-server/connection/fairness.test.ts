/** A client that floods the server hardly delays the acknowledgements of others. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { systemClock } from '../../../../../src/clock.ts'
import { silentObserver } from '../../../../../src/observer.ts'
import { MqttServer } from '../../../../../src/sources/mqtt-server/mqtt-server.ts'
import { mqttServerOptions } from '../../../../../src/sources/mqtt-server/options.ts'
import { CommittingIntake } from '../../../../support/mqtt/committing-intake.ts'
import {
  connectPacket,
  MqttWire,
  PINGREQ,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'

const POLITE = 'iotanalytics/channels/polite/messages/binary/put'
const FLOOD = 'iotanalytics/channels/flood/messages/binary/put'
const FLOODERS = 4
const SAMPLES = 200 * Number(process.env['LOAD_SCALE'] ?? 1)

/**
 * How many bytes of one flooder are read in a turn of the event loop, and how long its messages
 * are.
 */
const CHUNK_BYTES = 65_536
const FLOOD_PACKET_BYTES = publishPacket({
  topic: FLOOD,
  payload: Buffer.alloc(100),
  qos: 1,
}).length

interface Rig {
  readonly port: number
  readonly intake: CommittingIntake
  readonly polite: MqttWire
}

async function startRig(t: TestContext, intake: CommittingIntake): Promise<Rig> {
  const server = new MqttServer({
    options: mqttServerOptions.parse({ port: 0 }),
    observer: silentObserver,
    clock: systemClock,
    protectedTopics: [],
  })
  await server.start(intake)
  t.after(() => server.close())
  const polite = await MqttWire.open(t, server.port)
  polite.send(connectPacket({ clientId: 'polite' }))
  await polite.next()
  return { port: server.port, intake, polite }
}

/** Starts a process of clients that publish as fast as they can. */
async function flood(t: TestContext, { port, intake }: Rig): Promise<void> {
  const flooder = fork(
    join(import.meta.dirname, '..', '..', '..', '..', 'support', 'mqtt', 'flooder.js'),
    [String(port), String(FLOODERS)],
  )
  t.after(async () => {
    flooder.disconnect()
    await once(flooder, 'exit')
  })
  await once(flooder, 'message')
  const before = intake.messages
  while (intake.messages < before + 50_000) await setTimeout(5)
}

/** Time, messages and cycles between a PUBLISH and its PUBACK. */
interface Wait {
  readonly ms: number
  readonly messages: number
  readonly cycles: number
}

/** One message at a time, every few milliseconds. */
async function politeWaits({ intake, polite }: Rig): Promise<Wait[]> {
  const waits: Wait[] = []
  for (let id = 1; id <= SAMPLES; id++) {
    const before = { ms: performance.now(), messages: intake.messages, cycles: intake.cycles }
    polite.send(publishPacket({ topic: POLITE, payload: 'a word', qos: 1, id }))
    assert.equal((await polite.next())?.readUInt16BE(2), id)
    waits.push({
      ms: performance.now() - before.ms,
      messages: intake.messages - before.messages - 1,
      cycles: intake.cycles - before.cycles,
    })
    await setTimeout(2)
  }
  return waits
}

function p99(waits: readonly Wait[], figure: keyof Wait): number {
  const sorted = waits.map((wait) => wait[figure]).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
}

test('a polite client is acknowledged in time while others flood', async (t) => {
  const rig = await startRig(t, new CommittingIntake())
  await politeWaits(rig)
  const idleMs = p99(await politeWaits(rig), 'ms')
  await flood(t, rig)

  const waits = await politeWaits(rig)

  const flooded = { ms: p99(waits, 'ms'), messages: p99(waits, 'messages') }
  t.diagnostic(`p99 ${idleMs.toFixed(1)} ms idle; flooded: ${JSON.stringify(flooded)}`)
  // One turn in, one out, and one for the phases of the event loop: the same on every machine.
  const turnMessages = (FLOODERS * CHUNK_BYTES) / FLOOD_PACKET_BYTES
  assert.ok(flooded.messages <= 3 * turnMessages, `${flooded.messages} messages went first`)
  assert.ok(flooded.ms < 50 * idleMs + 250, `${flooded.ms} ms, ${idleMs} ms without the flood`)
})

test('if commits fall behind, a message of a polite client waits for its turn and not for the flood', async (t) => {
  const rig = await startRig(t, new CommittingIntake(50))
  await flood(t, rig)

  const cycles = p99(await politeWaits(rig), 'cycles')

  t.diagnostic(`p99 ${cycles} cycles`)
  // A cycle for each flooder before it, one of its own, and some for turns of the event loop.
  assert.ok(cycles <= 4 * (FLOODERS + 1), `${cycles} cycles`)
})

test('a SUBSCRIBE with many filters over many retained messages lets other clients have their turns', async (t) => {
  const { polite, port } = await startRig(t, new CommittingIntake())
  const publisher = await MqttWire.open(t, port)
  publisher.send(connectPacket({ clientId: 'publisher' }))
  for (let i = 0; i < 5_000; i++) {
    publisher.send(publishPacket({ topic: `r/${i}/x`, payload: 'x', retain: true }))
  }
  await publisher.untilPong()
  await publisher.untilPong()
  const greedy = await MqttWire.open(t, port)
  const filters = Array.from({ length: 500 }, (_, i) => [`+/+/${i}`, 0] as const)
  const last = ['r/0/x', 0] as const
  let isAnswered = false
  const answer = (async () => {
    greedy.send(connectPacket({ clientId: 'greedy' }))
    await greedy.next()
    greedy.send(subscribePacket(1, Object.fromEntries([...filters, last])), PINGREQ)
    const suback = await greedy.next()
    const pong = await greedy.nextHex()
    const retained = await greedy.next()
    isAnswered = true
    return { suback, pong, retained }
  })()

  let turns = 0
  while (!isAnswered) {
    polite.send(publishPacket({ topic: POLITE, payload: 'a word', qos: 1, id: 1 + turns }))
    await polite.next()
    turns++
  }

  const { suback, pong, retained } = await answer
  assert.equal(suback?.length, 6 + filters.length)
  assert.ok(retained?.includes('r/0/x'))
  assert.equal(pong, 'd000')
  t.diagnostic(`${turns} messages acknowledged meanwhile`)
  assert.ok(turns > 20, `${turns} messages acknowledged meanwhile`)
})

/** Sends QoS 1 messages one by one until `done` resolves, and returns how many were acknowledged. */
async function acknowledgedUntil(polite: MqttWire, done: Promise<unknown>): Promise<number> {
  let isDone = false
  const waited = done.then(() => {
    isDone = true
  })
  let count = 0
  while (!isDone) {
    polite.send(publishPacket({ topic: POLITE, payload: 'a word', qos: 1, id: 1 + count }))
    await polite.next()
    count++
  }
  await waited
  return count
}

async function client(t: TestContext, port: number, clientId: string): Promise<MqttWire> {
  const wire = await MqttWire.open(t, port)
  wire.send(connectPacket({ clientId, version: 5 }))
  await wire.next()
  return wire
}

/** Unlike a ping, a message does not overtake those that wait. */
async function allHandled(client: MqttWire): Promise<void> {
  client.send(publishPacket({ topic: 'last', qos: 1, properties: [] }))
  await client.next()
}

/** Filters of 16 levels, each `a` or `+`: all of them match one topic. */
function deepFilters(from: number, count: number): Record<string, number> {
  const filter = (bits: number): string =>
    Array.from({ length: 16 }, (_, i) => ((bits >> i) & 1 ? '+' : 'a')).join('/')
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [filter(from + i), 0]))
}

test('topics that match thousands of deep filters cost their publisher time, not others', async (t) => {
  const { polite, port } = await startRig(t, new CommittingIntake())
  for (let i = 0; i < 8; i++) {
    const listener = await client(t, port, `listener${i}`)
    listener.send(subscribePacket(1, deepFilters(i * 1_000, 1_000), []))
    await listener.next()
    listener.socket.resume()
  }
  const attacker = await client(t, port, 'attacker')
  const topics = Array.from({ length: 150 }, (_, i) => `${'a/'.repeat(15)}${i}`)

  attacker.send(...topics.map((topic) => publishPacket({ topic, payload: 'x', properties: [] })))
  const count = await acknowledgedUntil(polite, allHandled(attacker))

  t.diagnostic(`${count} messages acknowledged meanwhile`)
  assert.ok(count > 20, `${count} messages acknowledged meanwhile`)
})

test('messages with many recipients cost their publisher time, not others', async (t) => {
  const { polite, port } = await startRig(t, new CommittingIntake())
  for (let i = 0; i < 20; i++) {
    const listener = await client(t, port, `listener${i}`)
    const groups = Array.from({ length: 64 }, (_, n) => [`$share/g${i}-${n}/fan/#`, 0] as const)
    listener.send(subscribePacket(1, Object.fromEntries(groups), []))
    await listener.next()
    listener.socket.resume()
  }
  const attacker = await client(t, port, 'attacker')

  attacker.send(Buffer.concat(new Array(200).fill(publishPacket({ topic: 'fan', properties: [] }))))
  const count = await acknowledgedUntil(polite, allHandled(attacker))

  t.diagnostic(`${count} messages acknowledged meanwhile`)
  assert.ok(count > 20, `${count} messages acknowledged meanwhile`)
})
