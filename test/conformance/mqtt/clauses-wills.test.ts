/** The clauses about wills (sections 3.1.2, 3.1.3 and 3.14). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../support/manual-clock.ts'
import { startServer } from '../../support/mqtt/mqtt-server-under-test.ts'
import { frame, subscribePacket } from '../../support/mqtt/mqtt-wire.ts'
import { listenToWills } from '../../support/mqtt/wire-exchanges.ts'

test('a will is sent once, with its QoS, and is retained only if it says so', async (t) => {
  const server = await startServer(t)
  const listener = await listenToWills(server)
  const die = async (will: { topic: string; payload: string; qos?: number; retain?: boolean }) => {
    const client = await server.client({ clientId: 'with-will', will })
    client.socket.resetAndDestroy()
    return listener.nextHex()
  }

  const plain = await die({ topic: 'w/1', payload: 'a' })
  const retained = await die({ topic: 'w/2', payload: 'b', qos: 1, retain: true })
  const twice = await die({ topic: 'w/3', payload: 'c', qos: 2 })
  const late = await server.client({ clientId: 'late' })
  late.send(subscribePacket(1, { 'w/#': 2 }))

  const topic = (n: number) => Buffer.from(`w/${n}`).toString('hex')
  assert.equal(plain, `30070003${topic(1)}0061`)
  assert.equal(retained, `33090003${topic(2)}00010062`)
  assert.equal(twice, `34090003${topic(3)}00020063`)
  assert.deepEqual(await listener.untilPong(), [])
  assert.deepEqual(await late.untilPong(), ['9003000102', `33080003${topic(2)}000162`])
})

test('a client without a will leaves none [MQTT-3.1.2-12]', async (t) => {
  const server = await startServer(t)
  const listener = await server.client({ clientId: 'listener' })
  listener.send(subscribePacket(1, { '#': 0 }))
  await listener.untilPong()

  const client = await server.client({ clientId: 'with-will' })
  client.socket.resetAndDestroy()
  while (server.server.connectionCount > 1) await listener.untilPong()

  assert.deepEqual(await listener.untilPong(), [])
})

test('a will is sent when its client falls silent, is taken over, breaks the protocol or asks for it [MQTT-3.1.2-24]', async (t) => {
  const clock = new ManualClock()
  const server = await startServer(t, { clock })
  const listener = await listenToWills(server)
  const will = (payload: string) => ({ topic: 'w/x', payload })
  const last = async () => (await listener.nextHex()).slice(-2)

  await server.client({ clientId: 'silent', keepAliveS: 10, will: will('1') })
  clock.advance(17_000)
  const ofSilence = await last()
  await server.client({ clientId: 'twin', will: will('2') })
  await server.client({ clientId: 'twin', will: will('-') })
  const ofTakeover = await last()
  const rude = await server.client({ clientId: 'rude', will: will('3') })
  rude.send(frame(0x36, 'a', [0, 1]))
  const ofViolation = await last()
  const willing = await server.client({ clientId: 'willing', version: 5, will: will('4') })
  willing.send(frame(0xe0, [4]))
  const ofWish = await last()

  assert.deepEqual([ofSilence, ofTakeover, ofViolation, ofWish], ['31', '32', '33', '34'])
})

test('a normal DISCONNECT removes the will [MQTT-3.14.4-3]', async (t) => {
  const server = await startServer(t)
  const listener = await listenToWills(server)

  for (const [version, goodbye] of [
    [4, frame(0xe0)],
    [5, frame(0xe0)],
    [5, frame(0xe0, [0])],
    [5, frame(0xe0, [0, 0])],
  ] as const) {
    const client = await server.client({ version, will: { topic: 'w/x', payload: 'x' } })
    client.send(goodbye)
    await client.untilClosed()
  }

  assert.deepEqual(await listener.untilPong(), [])
})

test('a delayed will is sent when its session ends before the delay [MQTT-3.1.2-8]', async (t) => {
  const clock = new ManualClock()
  const server = await startServer(t, { clock })
  const listener = await listenToWills(server)
  const will = { topic: 'w/x', payload: 'x', properties: [24, 0, 0, 0, 100] }
  const short = await server.client({
    clientId: 'short',
    version: 5,
    will,
    properties: [17, 0, 0, 0, 5],
  })
  const none = await server.client({ clientId: 'none', version: 5, will })

  none.socket.resetAndDestroy()
  const ofNone = await listener.nextHex()
  short.socket.resetAndDestroy()
  while (server.server.connectionCount > 1) await listener.untilPong()
  clock.advance(2_000)
  const early = await listener.untilPong()
  clock.advance(6_000)

  assert.match(ofNone, /78$/)
  assert.deepEqual(early, [])
  assert.equal((await listener.untilPong()).length, 1)
})

test('a will is sent with its properties, user properties in their order [MQTT-3.1.3-10]', async (t) => {
  const server = await startServer(t)
  const listener = await listenToWills(server)
  const user = (name: string, value: string) => [
    38,
    0,
    1,
    name.charCodeAt(0),
    0,
    1,
    value.charCodeAt(0),
  ]
  const passedOn = [1, 1, 3, 0, 1, 0x74, 8, 0, 1, 0x72, 9, 0, 1, 0x63]
  const users = [...user('b', '1'), ...user('a', '2'), ...user('b', '3')]
  const will = { topic: 'w/x', payload: 'x', properties: [24, 0, 0, 0, 0, ...passedOn, ...users] }

  const client = await server.client({ clientId: 'with-will', version: 5, will })
  client.socket.resetAndDestroy()

  const length = passedOn.length + users.length
  const expected = frame(0x30, 'w/x', [length, ...passedOn, ...users], Buffer.from('x'))
  assert.equal(await listener.nextHex(), expected.toString('hex'))
})
