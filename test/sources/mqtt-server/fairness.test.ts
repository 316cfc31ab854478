/** One client's flood is its own problem: others are acknowledged nearly as soon as without it. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { systemClock } from '../../../src/clock.ts'
import { silentObserver } from '../../../src/observer.ts'
import { MqttServer } from '../../../src/sources/mqtt-server/mqtt-server.ts'
import { mqttServerOptions } from '../../../src/sources/mqtt-server/options.ts'
import { connectPacket, MqttWire, publishPacket } from '../../support/mqtt-wire.ts'
import { CommittingIntake } from './committing-intake.ts'
import { letIn, ServerProcess } from './server-process.ts'

const POLITE = 'iotanalytics/channels/polite/messages/binary/put'
const FLOOD = 'iotanalytics/channels/flood/messages/binary/put'
const FLOODERS = 4
const SAMPLES = 200 * Number(process.env['LOAD_SCALE'] ?? 1)

async function politeClient(t: TestContext, port: number): Promise<MqttWire> {
  const wire = await MqttWire.open(t, port)
  wire.send(connectPacket({ clientId: 'polite' }))
  await wire.next()
  return wire
}

/** Milliseconds from a PUBLISH to its PUBACK, one at a time, every few milliseconds. */
async function pubackTimes(wire: MqttWire): Promise<number[]> {
  const times: number[] = []
  for (let id = 1; id <= SAMPLES; id++) {
    const sentAt = performance.now()
    wire.send(publishPacket({ topic: POLITE, payload: 'a word', qos: 1, id }))
    assert.equal((await wire.next())?.readUInt16BE(2), id)
    times.push(performance.now() - sentAt)
    await setTimeout(5)
  }
  return times
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
}

test('a polite client is acknowledged in time while others flood', async (t) => {
  const server = await ServerProcess.start(t)
  const wire = await politeClient(t, server.port)
  await pubackTimes(wire)
  const idleMs = p99(await pubackTimes(wire))
  const flooder = fork(join(import.meta.dirname, 'flooder.js'), [
    String(server.port),
    String(FLOODERS),
  ])
  t.after(async () => {
    flooder.disconnect()
    await once(flooder, 'exit')
  })
  await once(flooder, 'message')
  const before = await server.state()

  const floodedMs = p99(await pubackTimes(wire))

  const flooded = (await server.state()).messages - before.messages - SAMPLES
  t.diagnostic(
    `p99 ${idleMs.toFixed(1)} ms idle, ${floodedMs.toFixed(1)} ms beside ${flooded} others`,
  )
  assert.ok(flooded > 10_000, `only ${flooded} messages are no flood`)
  // A turn of the loop takes a chunk of 64 KB from each flooder; what more there is, is the machine's.
  const bound = 20 * idleMs + 50
  assert.ok(floodedMs < bound, `${floodedMs} ms, ${idleMs} ms without the flood`)
})

test('when commits fall behind, a polite message waits for its turn and not for the flood', async (t) => {
  const intake = new CommittingIntake(50)
  const server = new MqttServer({
    options: mqttServerOptions.parse({ port: 0 }),
    observer: silentObserver,
    clock: systemClock,
    protectedTopics: [],
  })
  await server.start(intake)
  t.after(() => server.close())
  const wire = await politeClient(t, server.port)
  const burst = Buffer.concat(
    Array.from({ length: 200 }, (_, index) =>
      publishPacket({ topic: FLOOD, payload: 'x', qos: 1, id: index + 1 }),
    ),
  )
  for (let index = 0; index < FLOODERS; index++) {
    const socket = await letIn(server.port, `flooder-${index}`)
    t.after(() => socket.destroy())
    const flood = () => {
      while (socket.write(burst));
    }
    socket.resume().on('drain', flood)
    flood()
  }
  while (!intake.isSaturated) await setTimeout(1)

  const cycles: number[] = []
  for (let id = 1; id <= SAMPLES; id++) {
    const sentIn = intake.cycles
    wire.send(publishPacket({ topic: POLITE, payload: 'a word', qos: 1, id }))
    assert.equal((await wire.next())?.readUInt16BE(2), id)
    cycles.push(intake.cycles - sentIn)
  }

  const flooded = intake.messages - SAMPLES
  t.diagnostic(`p99 ${p99(cycles)} cycles beside ${flooded} others`)
  assert.ok(flooded > SAMPLES * FLOODERS, `only ${flooded} messages are no flood`)
  // A cycle for each flooder before it, one of its own, and what the loop's turns add on the way.
  assert.ok(p99(cycles) <= 4 * (FLOODERS + 1), `${p99(cycles)} cycles`)
})
