/** The clauses about CONNECT, CONNACK and DISCONNECT (sections 3.1, 3.2 and 3.14). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../support/manual-clock.ts'
import { startServer } from '../../support/mqtt/mqtt-server-under-test.ts'
import {
  connectPacket,
  frame,
  publishPacket,
  subscribePacket,
} from '../../support/mqtt/mqtt-wire.ts'
import { listenToWills } from '../../support/mqtt/wire-exchanges.ts'

const TOPIC = 'iotanalytics/channels/c/messages/binary/put'

test('CONNACK says whether a session was kept [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-3]', async (t) => {
  const { wire } = await startServer(t)
  for (const version of [4, 5] as const) {
    const flags: (number | undefined)[] = []
    for (const isClean of [false, false, true, false, false, true]) {
      const client = await wire()
      const properties = [17, 0, 0, 0, 60]
      client.send(connectPacket({ clientId: `c${version}`, version, isClean, properties }))
      const connack = await client.next()
      assert.equal(connack?.[3], 0)
      flags.push(connack?.[2])
      client.send(frame(0xe0))
      await client.untilClosed()
    }
    // Before MQTT 5 a clean session ends with its connection; here it is kept for a minute.
    assert.deepEqual(flags, version === 4 ? [0, 1, 0, 0, 1, 0] : [0, 1, 0, 1, 1, 0])
  }
})

test('a session keeps its subscriptions and their messages, and a clean session removes them', async (t) => {
  const { client } = await startServer(t)
  const fields = { clientId: 'sleeper', isClean: false }
  const sleeper = await client(fields)
  sleeper.send(subscribePacket(1, { a: 2 }))
  await sleeper.untilPong()
  sleeper.send(frame(0xe0))
  await sleeper.untilClosed()
  const publisher = await client({ clientId: 'publisher' })
  const publish = async (payload: string) => {
    publisher.send(publishPacket({ topic: 'a', payload, qos: 1 }))
    await publisher.untilPong()
  }

  await publish('1')
  const back = await client(fields)
  const waiting = await back.untilPong()
  back.send(frame(0x40, [0, 1]), frame(0xe0))
  await back.untilClosed()
  await publish('2')
  const clean = await client({ ...fields, isClean: true })
  await publish('3')
  const afterClean = await clean.untilPong()

  assert.deepEqual(waiting, ['32060001610001' + '31'])
  assert.deepEqual(afterClean, [])
})

test('retained messages outlive the session of their sender [MQTT-3.1.2-7]', async (t) => {
  const { client } = await startServer(t)
  const publisher = await client({ clientId: 'publisher' })
  publisher.send(publishPacket({ topic: 'r', payload: 'x', retain: true }), frame(0xe0))
  await publisher.untilClosed()

  const listener = await client({ clientId: 'publisher' })
  listener.send(subscribePacket(1, { r: 0 }))

  assert.deepEqual(await listener.untilPong(), ['9003000100', '3104000172' + '78'])
})

const INCOMPLETE: Record<string, Buffer> = {
  'a will flag without a will': frame(0x10, 'MQTT', [4, 6, 0, 0], 'c'),
  'a will without payload': frame(0x10, 'MQTT', [4, 6, 0, 0], 'c', 't'),
  'a will without a flag': frame(0x10, 'MQTT', [4, 2, 0, 0], 'c', 't', 'p'),
  'will retain without a will': frame(0x10, 'MQTT', [4, 0x22, 0, 0], 'c'),
  'a user name flag without a user name': frame(0x10, 'MQTT', [4, 0x82, 0, 0], 'c'),
  'a user name without a flag': frame(0x10, 'MQTT', [4, 2, 0, 0], 'c', 'u'),
  'a password flag without a password': frame(0x10, 'MQTT', [4, 0xc2, 0, 0], 'c', 'u'),
  'a password without a flag': frame(0x10, 'MQTT', [4, 0x82, 0, 0], 'c', 'u', 'p'),
  'no client id': frame(0x10, 'MQTT', [4, 2, 0, 0]),
  'no keep-alive': frame(0x10, 'MQTT', [4, 2]),
}

test('a CONNECT whose fields do not match its flags is not answered [MQTT-3.1.4-1]', async (t) => {
  const { wire } = await startServer(t)

  for (const [what, packet] of Object.entries(INCOMPLETE)) {
    const client = await wire()
    client.send(packet)
    assert.deepEqual(await client.untilClosed(), [], what)
  }
})

test('the fields of CONNECT are read in their order [MQTT-3.1.3-1]', async (t) => {
  const server = await startServer(t)
  const listener = await listenToWills(server)
  const client = await server.wire()

  client.send(frame(0x10, 'MQTT', [4, 0xc6, 0, 0], 'me', 'w/t', 'payload', 'user', 'password'))
  const connack = await client.nextHex()
  const twin = await server.client({ clientId: 'me' })

  assert.equal(connack, '20020000')
  assert.match(Buffer.from(await listener.nextHex(), 'hex').toString(), /w\/t.payload$/)
  assert.deepEqual(await twin.untilPong(), [])
})

test('client ids of up to 23 letters and digits are accepted, and so are longer ones [MQTT-3.1.3-5]', async (t) => {
  const { wire } = await startServer(t)
  const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

  for (const clientId of ['0', alphabet.slice(0, 23), alphabet.slice(-23), alphabet, 'ü☃/+#']) {
    const client = await wire()
    client.send(connectPacket({ clientId }))
    assert.equal(await client.nextHex(), '20020000', clientId)
  }
})

test('a client with an empty id is given one, in each version [MQTT-3.1.3-6] [MQTT-3.2.2-16]', async (t) => {
  const { wire, server } = await startServer(t)
  const assigned: string[] = []
  for (const version of [4, 4, 5, 5] as const) {
    const client = await wire()
    client.send(connectPacket({ clientId: '', version }))
    const connack = await client.next()
    assert.equal(connack?.[3], 0)
    if (version === 5)
      assigned.push(/auto-[0-9a-f-]{36}/.exec(connack?.toString() ?? '')?.[0] ?? '')
  }

  assert.equal(server.connectionCount, 4)
  assert.equal(new Set(assigned).size, 2)
  assert.ok(!assigned.includes(''))
})

test('a refused client id is answered with the reason, and nothing behind it is read [MQTT-3.1.3-9] [MQTT-3.1.4-5]', async (t) => {
  const { wire, intake } = await startServer(t, { limits: { maxClientIdBytes: 10 } })
  const four = await wire()
  const five = await wire()
  const clientId = 'longer than ten'

  four.send(connectPacket({ clientId }), publishPacket({ topic: TOPIC }))
  five.send(
    connectPacket({ clientId, version: 5 }),
    publishPacket({ topic: TOPIC, properties: [] }),
  )

  // session present is 0 and the connection closes [MQTT-3.2.2-4] [MQTT-3.2.2-5]
  assert.deepEqual(await four.untilClosed(), ['20020002'])
  const answers = await five.untilClosed()
  assert.equal(answers.length, 1)
  assert.match(answers[0] ?? '', /^20..0085/)
  assert.equal(intake.messages.length, 0)
})

test('CONNACK comes before anything else, and once [MQTT-3.2.0-1] [MQTT-3.2.0-2]', async (t) => {
  const { client, wire } = await startServer(t)
  const fields = { clientId: 'c', isClean: false }
  const first = await client(fields)
  first.send(subscribePacket(1, { a: 1 }))
  await first.untilPong()
  first.socket.destroy()
  const publisher = await client({ clientId: 'publisher' })
  publisher.send(
    publishPacket({ topic: 'a', qos: 1 }),
    publishPacket({ topic: 'a', qos: 1, id: 2 }),
  )
  await publisher.untilPong()

  const again = await wire()
  again.send(connectPacket(fields), frame(0xc0))
  const packets = [await again.nextHex(), await again.nextHex(), await again.nextHex()]
  again.send(connectPacket(fields))
  const rest = await again.untilClosed()

  assert.deepEqual(
    packets.map((hex) => hex.slice(0, 2)),
    ['20', '32', '32'],
  )
  assert.deepEqual(rest, ['d000'])
})

test('extended authentication is refused, and AUTH closes the connection [MQTT-4.12.0-1]', async (t) => {
  const { wire, client } = await startServer(t)
  const method = await wire()
  const data = await wire()
  const auth = await client({ version: 5 })

  method.send(connectPacket({ version: 5, properties: [21, 0, 1, 0x6d] }))
  data.send(connectPacket({ version: 5, properties: [22, 0, 1, 0x6d] }))
  auth.send(frame(0xf0, [0x19, 0]))

  const [answer] = await method.untilClosed()
  assert.match(answer ?? '', /^20..008c/)
  // [MQTT-4.12.0-6]: it has no authentication method
  assert.ok(!(answer ?? '').includes('1500016d'))
  assert.match((await data.untilClosed())[0] ?? '', /^20..0082/)
  assert.match((await auth.untilClosed())[0] ?? '', /^e0..82/)
})

test('CONNACK has only the properties that differ from their defaults, and no response information [MQTT-3.1.2-28]', async (t) => {
  const { wire } = await startServer(t, {
    limits: { receiveMaximum: 7, topicAliasMaximum: 3, maxPacketBytes: 65_536 },
  })

  for (const properties of [
    [25, 0],
    [25, 1],
  ]) {
    const client = await wire()
    client.send(connectPacket({ version: 5, keepAliveS: 60, properties }))
    // receive maximum, topic alias maximum, maximum packet size; no server keep-alive
    // [MQTT-3.2.2-22]
    assert.equal(await client.nextHex(), '200e00000b' + '210007' + '220003' + '2700010000')
  }
})

test('neither CONNACK nor DISCONNECT is longer than the client’s maximum packet size [MQTT-3.2.2-19] [MQTT-3.14.2-3]', async (t) => {
  const { wire, client } = await startServer(t)
  const refused = await wire()
  const rude = await client({ version: 5, properties: [39, 0, 0, 0, 30] })

  refused.send(connectPacket({ version: 5, properties: [39, 0, 0, 0, 20, 21, 0, 1, 0x6d] }))
  rude.send(frame(0x30, 'a/#', [0]))

  for (const packets of [await refused.untilClosed(), await rude.untilClosed()]) {
    for (const packet of packets) assert.ok(packet.length / 2 <= 30, packet)
  }
})

test('DISCONNECT may change how long the session is kept, but not begin to keep it [MQTT-3.14.2-2]', async (t) => {
  const clock = new ManualClock()
  const { client, wire } = await startServer(t, { clock })
  const fields = { clientId: 'c', version: 5, properties: [17, 0, 0, 0, 60] } as const
  const expiry = (seconds: number) => frame(0xe0, [0, 5, 17, 0, 0, 0, seconds])
  const isKept = async () => {
    const again = await wire()
    again.send(connectPacket({ ...fields, isClean: false }))
    const flag = (await again.next())?.[2]
    again.socket.destroy()
    return flag
  }

  const shorter = await client(fields)
  shorter.send(expiry(0))
  await shorter.untilClosed()
  const afterNone = await isKept()
  const none = await client({ clientId: 'none', version: 5 })
  none.send(expiry(60))
  const answers = await none.untilClosed()

  assert.equal(afterNone, 0)
  assert.match(answers[0] ?? '', /^e0..82/)
  // a server's DISCONNECT has a reason string and no session expiry interval
  assert.match(answers[0] ?? '', /^e0..82..1f/)
})

test('wrong values of CONNECT’s properties, and repeated properties, are answered with a reason code [MQTT-3.1.4-1]', async (t) => {
  const { wire } = await startServer(t)
  const cases: [properties: number[], code: string][] = [
    [[33, 0, 0], '82'],
    [[39, 0, 0, 0, 0], '82'],
    [[25, 2], '82'],
    [[23, 2], '82'],
    [[17, 0, 0, 0, 1, 17, 0, 0, 0, 1], '82'],
    [[33, 0, 1, 33, 0, 1], '82'],
    [[34, 0, 1, 34, 0, 1], '82'],
    [[2, 0, 0, 0, 1], '82'],
    [[99, 0], '81'],
    [[17, 0, 0], '81'],
  ]

  for (const [properties, code] of cases) {
    const client = await wire()
    client.send(connectPacket({ version: 5, properties }))
    const answers = await client.untilClosed()
    assert.match(answers[0] ?? '', new RegExp(`^20..00${code}`), JSON.stringify(properties))
    assert.equal(answers.length, 1)
  }
})
