/** A broker that sends more than any message needs is cut off before its packets are collected. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import fc from 'fast-check'
import { generate } from 'mqtt-packet'
import { WebSocketServer } from 'ws'
import { MAX_PUBLISH_BYTES, PacketMeter } from '../../../../src/sources/mqtt-client/packet-meter.ts'
import { publication, ScriptedBroker } from '../../../support/mqtt/scripted-broker.ts'
import { ready, startSource } from '../../../support/mqtt/source-on-broker.ts'

/** The head of a PUBLISH with a remaining length of 256 MB. */
const HUGE = Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x61])

for (const protocolVersion of [4, 5] as const) {
  test(`a broker that sends a packet of 256 MB is cut off and tried again (MQTT ${protocolVersion})`, async (t) => {
    const broker = new ScriptedBroker()
    await broker.start(t)
    const under = await startSource(t, { url: broker.url, protocolVersion })
    const connect = await broker.next('connect')
    await ready(under)

    broker.sendBytes(HUGE)
    broker.sendBytes(Buffer.alloc(1_000_000))
    const { error } = await under.reports.first('retried')
    await broker.next('connect')
    await under.reports.first('recovered')
    broker.send(publication({ payload: 'after' }))
    await under.intake.taken(1)

    assert.equal(error?.code, 'BrokerUnavailable')
    assert.match(
      error?.message ?? '',
      /^the broker mqtt:\/\/127.* sent a packet of 268435455 bytes; at most 1114112 are accepted$/,
    )
    if (protocolVersion === 5) {
      assert.equal(connect.properties?.maximumPacketSize, MAX_PUBLISH_BYTES)
    }
  })
}

test('a broker that sends a WebSocket message of many megabytes is cut off', async (t) => {
  const http = createServer().listen(0, '127.0.0.1')
  const server = new WebSocketServer({ server: http })
  t.after(() => {
    for (const client of server.clients) client.terminate()
    http.close()
  })
  await once(http, 'listening')
  const address = http.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const codes: number[] = []
  server.on('connection', (socket) => {
    socket.on('close', (code) => codes.push(code))
    socket.on('error', () => {})
    socket.once('message', () => {
      socket.send(generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }))
      socket.send(Buffer.concat([HUGE, Buffer.alloc(8_000_000)]))
    })
  })

  const under = await startSource(t, { url: `ws://127.0.0.1:${port}/mqtt` })
  const { error } = await under.reports.first('retried')

  assert.equal(error?.code, 'BrokerUnavailable')
  assert.match(
    error?.message ?? '',
    /Max payload size exceeded; it sent a WebSocket message of more than 2228224 bytes$/,
  )
})

test('a message with too many properties is noticed by their length', () => {
  const userProperties = { a: Array.from({ length: 30_000 }, () => 'b') }
  const packet = publication({ properties: { userProperties }, qos: 1, messageId: 1 })
  const bytes = generate(packet, { protocolVersion: 5 })

  assert.match(new PacketMeter(5).take(bytes) ?? '', /^\d+ bytes of properties with a message/)
})

test('packets of an allowed length pass, however their bytes are cut', () => {
  const packets = [
    generate({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false }),
    generate({ cmd: 'pingresp' }),
    generate(publication({ payload: Buffer.alloc(200) })),
    generate(publication({ payload: Buffer.alloc(70_000), qos: 2, messageId: 3 })),
    generate(publication({ topic: 'a', payload: '' })),
    generate({ cmd: 'pubrel', messageId: 3 }),
  ]
  const five = [
    generate(
      publication({ qos: 1, messageId: 1, properties: { responseTopic: 'r'.repeat(200) } }),
      {
        protocolVersion: 5,
      },
    ),
    generate(publication({ payload: 'p' }), { protocolVersion: 5 }),
  ]
  const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(cuts, fc.constantFrom(4, 5), (lengths, version) => {
      const bytes = Buffer.concat([...(version === 5 ? five : packets), HUGE])
      const meter = new PacketMeter(version)
      let at = 0
      for (let i = 0; at < bytes.length; i++) {
        const part = bytes.subarray(at, at + (lengths[i % lengths.length] ?? 1))
        const excess = meter.take(part)
        at += part.length
        if (excess !== undefined) return at > bytes.length - HUGE.length
      }
      return false
    }),
    { numRuns: 100 },
  )
})
