/** Sessions and retained messages over a restart of the server, on one store. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { changesOf } from '../../../../../src/sources/mqtt-server/sessions/store/session-state.ts'
import type { SessionStore } from '../../../../../src/sources/mqtt-server/sessions/store/session-store.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { MemorySessionStore } from '../../../../support/mqtt/memory-session-store.ts'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  type ConnectFields,
  connectPacket,
  frame,
  type MqttWire,
  PINGREQ,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { property } from '../../../../support/mqtt/property.ts'
import { RecordingIntake } from '../../../../support/mqtt/recording-intake.ts'

const PLAIN_TOPIC = 'news'
const ROUTED_TOPIC = 'iotanalytics/channels/c/messages/binary/put'

/**
 * Servers that run one after the other on the same store, as if the process were killed in between.
 */
function lives(t: TestContext, store: SessionStore, clock = new ManualClock()) {
  return { clock, begin: () => startServer(t, { store, clock }) }
}

/** A store that can ignore later changes, as if the process had ended before they were written. */
function dyingStore(store: SessionStore) {
  let isDead = false
  return {
    die: () => {
      isDead = true
    },
    store: {
      open: () => store.open(),
      note: (change) => (isDead ? -1 : store.note(change)),
      close: async () => {},
      isFailing: false,
    } satisfies SessionStore,
  }
}

/**
 * A server whose messages and sessions are durable at once; after `stop`, when the test commits.
 */
async function startSlow(t: TestContext) {
  let isSlow = false
  const intake = new RecordingIntake()
  const commitSoon = () => {
    if (!isSlow) setImmediate(() => intake.commit())
    return intake.openCycle
  }
  const store = new MemorySessionStore(commitSoon)
  const server = await startServer(t, { store, intake })
  const stop = () => {
    isSlow = true
  }
  return { ...server, store, stop, commit: () => intake.commit() }
}

async function back(wire: MqttWire, fields: Parameters<typeof connectPacket>[0]) {
  wire.send(connectPacket(fields))
  const connack = await wire.next()
  return connack?.[2] === 1
}

function payloads(packets: readonly string[], length = 1): string[] {
  return packets
    .filter((hex) => hex.startsWith('3'))
    .map((hex) => Buffer.from(hex, 'hex').subarray(-length).toString())
}

test('messages that wait for an offline client arrive after the restart, in order, and the session is present', async (t) => {
  const { begin, clock } = lives(t, new MemorySessionStore())
  const first = await begin()
  const fields = { clientId: 'sleeper', version: 5, isClean: false } as const
  const expiry = { ...fields, properties: property.sessionExpiry(256) }
  const sleeper = await first.client(expiry)
  sleeper.send(subscribePacket(1, { [PLAIN_TOPIC]: 1 }, property.subscriptionIdentifier(7)))
  await sleeper.untilPong()
  sleeper.send(frame(0xe0))
  await sleeper.untilClosed()
  const publisher = await first.client({ clientId: 'publisher', version: 5 })
  const withText = [3, 0, 1, 0x74]
  for (const payload of ['a', 'b']) {
    publisher.send(publishPacket({ topic: PLAIN_TOPIC, payload, qos: 1, properties: withText }))
  }
  await publisher.untilPong()
  await first.server.close()

  const second = await begin()
  const wire = await second.wire()
  const isPresent = await back(wire, expiry)
  const packets = await wire.untilPong()
  await second.server.close()
  clock.advance(257_000)
  const third = await begin()
  const isStillPresent = await back(await third.wire(), expiry)

  assert.equal(isPresent, true)
  assert.deepEqual(payloads(packets), ['a', 'b'])
  const topic = Buffer.from(PLAIN_TOPIC).toString('hex')
  // with subscription identifier and content type
  assert.equal(packets[0], `32100004${topic}1001060b070300017461`)
  assert.equal(isStillPresent, false)
})

test('a message in flight is sent again with DUP and its packet id; after PUBREC, PUBREL is sent again', async (t) => {
  const { store, die } = dyingStore(new MemorySessionStore())
  const { begin } = lives(t, store)
  const first = await begin()
  const fields = { clientId: 'listener', isClean: false }
  const listener = await first.client(fields)
  listener.send(subscribePacket(1, { q: 2 }))
  await listener.untilPong()
  const publisher = await first.client({ clientId: 'publisher' })
  for (const [id, payload] of ['a', 'b', 'c'].entries()) {
    publisher.send(publishPacket({ topic: 'q', payload, qos: id === 1 ? 1 : 2, id: id + 1 }))
  }
  await publisher.untilPong()
  const sent = await listener.untilPong()
  listener.send(frame(0x50, [0, 1]))
  await listener.untilPong()
  die()
  await first.server.close()

  const rewritten = new MemorySessionStore()
  const { sessions } = await store.open()
  for (const session of sessions.values()) {
    for (const change of changesOf(session)) rewritten.note(change)
  }
  const second = await lives(t, rewritten).begin()
  const wire = await second.wire()
  const isPresent = await back(wire, fields)
  const packets = await wire.untilPong()

  assert.deepEqual(sent, [
    '34060001710001' + '61',
    '32060001710002' + '62',
    '34060001710003' + '63',
  ])
  assert.equal(isPresent, true)
  assert.deepEqual(packets, ['62020001', '3a060001710002' + '62', '3c060001710003' + '63'])
})

test('a QoS 2 message sent again after the restart is not stored twice, and its id is free after PUBREL', async (t) => {
  const store = new MemorySessionStore()
  const { begin } = lives(t, store)
  const first = await begin()
  const fields = { clientId: 'device', isClean: false }
  const device = await first.client(fields)
  const message = { topic: ROUTED_TOPIC, payload: 'x', qos: 2, id: 9 } as const
  device.send(publishPacket(message))
  const pubrec = await device.nextHex()
  await first.server.close()

  const second = await begin()
  const wire = await second.wire()
  await back(wire, fields)
  wire.send(publishPacket({ ...message, isDuplicate: true }))
  const again = await wire.nextHex()
  const stored = second.intake.messages.length
  wire.send(frame(0x62, [0, 9]))
  const pubcomp = await wire.nextHex()
  wire.send(publishPacket(message))
  await wire.nextHex()

  assert.deepEqual([pubrec, again, pubcomp], ['50020009', '50020009', '70020009'])
  assert.equal(stored, 0)
  assert.equal(second.intake.messages.length, 1)
})

test('a QoS 2 id and its message are in the same cycle, and PUBREC waits for that cycle only', async (t) => {
  const { client, store, intake, stop, commit } = await startSlow(t)
  const device = await client({ clientId: 'device', isClean: false })
  stop()

  device.send(publishPacket({ topic: ROUTED_TOPIC, payload: 'x', qos: 2, id: 9 }))
  const early = await device.untilPong()
  const before = [...(store.kept.sessions.get('device')?.receivedIds ?? [])]
  commit()

  assert.deepEqual([early, before], [[], [9]])
  assert.equal(await device.nextHex(), '50020009')
  assert.equal(intake.messages.length, 1)
})

test('a QoS 2 id whose cycle fails is forgotten: its message is stored when it comes again', async (t) => {
  const { client, store, intake, stop } = await startSlow(t)
  const fields = { clientId: 'device', version: 5, isClean: false } as const
  const device = await client({ ...fields, properties: property.sessionExpiry(256) })
  stop()

  device.send(publishPacket({ topic: ROUTED_TOPIC, payload: 'x', qos: 2, id: 9, properties: [] }))
  await intake.taken(1)
  intake.fail({ error: 'StorageFailed', message: 'no' })
  const pubrec = await device.nextHex()

  assert.equal(pubrec, '5003000983')
  assert.deepEqual([...(store.kept.sessions.get('device')?.receivedIds ?? [])], [])
})

test('PUBACK waits for the cycle with the messages queued for offline sessions', async (t) => {
  const { client, stop, commit } = await startSlow(t)
  const sleeper = await client({ clientId: 'sleeper', isClean: false })
  sleeper.send(subscribePacket(1, { '#': 1 }))
  await sleeper.untilPong()
  sleeper.send(frame(0xe0))
  await sleeper.untilClosed()
  const device = await client({ clientId: 'device' })
  // Twice: PINGRESP overtakes acknowledgements of packets that arrived with PINGREQ.
  const answers = async () => [...(await device.untilPong()), ...(await device.untilPong())]
  stop()

  device.send(publishPacket({ topic: ROUTED_TOPIC, payload: 'x', qos: 1, id: 1 }))
  device.send(publishPacket({ topic: PLAIN_TOPIC, payload: 'x', qos: 1, id: 2 }))
  const held = await answers()
  commit()
  const first = await answers()
  device.send(publishPacket({ topic: PLAIN_TOPIC, payload: 'x', qos: 1, id: 3 }))
  const stillHeld = await answers()
  commit()
  const second = await answers()

  assert.deepEqual([held, stillHeld], [[], []])
  assert.deepEqual([first, second], [['40020001', '40020002'], ['40020003']])
})

test('a message for an offline session is not acknowledged while sessions cannot be stored', async (t) => {
  const store = new MemorySessionStore()
  const { clock, begin } = lives(t, store)
  const { client } = await begin()
  const sleeper = await client({ clientId: 'sleeper', isClean: false })
  sleeper.send(subscribePacket(1, { news: 1 }))
  await sleeper.untilPong()
  sleeper.send(frame(0xe0))
  await sleeper.untilClosed()
  const old = await client({ clientId: 'old' })
  const modern = await client({ clientId: 'modern', version: 5 })
  store.isFailing = true

  old.send(publishPacket({ topic: 'nobody/listens', payload: 'x', qos: 1, id: 1 }))
  old.send(publishPacket({ topic: PLAIN_TOPIC, payload: 'x', qos: 1, id: 2 }))
  modern.send(publishPacket({ topic: PLAIN_TOPIC, payload: 'y', qos: 1, id: 3, properties: [] }))
  const [unheard, refused] = [await old.nextHex(), await modern.nextHex()]
  const queued = store.kept.sessions.get('sleeper')?.waiting.size
  store.isFailing = false
  clock.advance(20)
  const offeredAgain = await old.nextHex()

  assert.equal(unheard, '40020001')
  assert.match(refused ?? '', /^40....000383/)
  assert.equal(queued, 0)
  assert.equal(offeredAgain, '40020002')
})

test('CONNACK and everything after it wait until the session is durable; a clean session does not wait', async (t) => {
  const { client, wire, stop, commit } = await startSlow(t)
  const old = await client({ clientId: 'cleared', isClean: false })
  await old.send(frame(0xe0)).untilClosed()
  stop()
  const [keeping, clearing, leaving] = [await wire(), await wire(), await wire()]

  keeping.send(connectPacket({ clientId: 'keeps', isClean: false }), PINGREQ)
  clearing.send(connectPacket({ clientId: 'cleared' }))
  leaving.send(connectPacket({ clientId: 'leaves', isClean: false }), frame(0xe0))
  const answers: string[] = []
  for (const one of [keeping, clearing]) void one.nextHex().then((hex) => answers.push(hex))
  const witness = await client({ clientId: 'witness' })
  await witness.untilPong()
  const early = [...answers]
  commit()

  assert.deepEqual(early, [])
  assert.deepEqual(await leaving.untilClosed(), ['20020000'])
  assert.equal(await keeping.nextHex(), 'd000')
  await clearing.untilPong()
  assert.deepEqual(answers, ['20020000', '20020000'])
})

test('a retained message for a new subscription is in the store before SUBACK, and goes out after it', async (t) => {
  const { client, store, stop, commit } = await startSlow(t)
  const publisher = await client({ clientId: 'publisher' })
  for (const qos of [0, 1] as const) {
    publisher.send(publishPacket({ topic: `r/${qos}`, payload: `${qos}`, qos, retain: true }))
  }
  await publisher.nextHex()
  const reader = await client({ clientId: 'reader', isClean: false })
  stop()

  reader.send(subscribePacket(1, { 'r/#': 1 }))
  const early = await reader.untilPong()
  const kept = store.kept.sessions.get('reader')
  const queued = [...(kept?.waiting.values() ?? [])].map(({ message }) => message.topic)
  commit()
  const packets = await reader.untilPong()

  assert.deepEqual([early, queued], [[], ['r/1']])
  assert.equal(packets[0], '9003000101')
  assert.deepEqual(payloads(packets), ['1', '0'])
})

test('subscriptions that the rules no longer allow at the next start are removed', async (t) => {
  const store = new MemorySessionStore()
  const fields = { clientId: 'sleeper', isClean: false }
  const first = await startServer(t, { store })
  const sleeper = await first.client(fields)
  await sleeper.send(subscribePacket(1, { secret: 1, open: 1 })).untilPong()
  await first.server.close()

  const acl = [{ publish: ['#'], subscribe: ['open'] }]
  const second = await startServer(t, { store, options: { acl } })
  const publisher = await second.client({ clientId: 'publisher' })
  for (const topic of ['secret', 'open']) {
    publisher.send(publishPacket({ topic, payload: topic, qos: 1 }))
  }
  await publisher.untilPong()
  const wire = await second.wire()
  const isPresent = await back(wire, fields)

  assert.equal(isPresent, true)
  assert.deepEqual(payloads(await wire.untilPong(), 4), ['open'])
  assert.deepEqual([...(store.kept.sessions.get('sleeper')?.subscriptions.keys() ?? [])], ['open'])
})

test('retained messages are restored after a restart, with their remaining time', async (t) => {
  const { begin, clock } = lives(t, new MemorySessionStore())
  const first = await begin()
  const publisher = await first.client({ clientId: 'publisher', version: 5 })
  const retain = (topic: string, payload: string, properties: number[] = []) =>
    publisher.send(publishPacket({ topic, payload, retain: true, properties }))
  retain('r/stays', 'x')
  retain('r/short', 'x', property.messageExpiry(10))
  retain('r/long', 'x', property.messageExpiry(100))
  retain('r/gone', 'x')
  retain('r/gone', '')
  await publisher.untilPong()
  await first.server.close()
  clock.advance(40_000)

  const second = await begin()
  const reader = await second.client({ clientId: 'reader', version: 5 })
  reader.send(subscribePacket(1, { 'r/#': 0 }, []))
  const packets = (await reader.untilPong()).filter((hex) => hex.startsWith('3'))

  const long = Buffer.from('r/long').toString('hex')
  const stays = Buffer.from('r/stays').toString('hex')
  assert.deepEqual(packets.toSorted(), [`310b0007${stays}0078`, `310f0006${long}05020000003c78`])
})

test('a will whose delay was running is published when it is due after the restart, unless its client is back', async (t) => {
  const { begin, clock } = lives(t, new MemorySessionStore())
  const first = await begin()
  const fields = (clientId: string) =>
    ({
      clientId,
      version: 5 as const,
      isClean: false,
      properties: property.sessionExpiry(256),
      will: { topic: `w/${clientId}`, payload: clientId, properties: property.willDelay(30) },
    }) satisfies ConnectFields
  for (const clientId of ['a', 'b']) (await first.client(fields(clientId))).socket.destroy()
  const witness = await first.client({ clientId: 'witness' })
  await witness.untilPong()
  await witness.untilPong()
  await first.server.close()
  clock.advance(10_000)

  const second = await begin()
  const listener = await second.client({ clientId: 'listener' })
  listener.send(subscribePacket(1, { 'w/#': 0 }))
  await listener.untilPong()
  await back(await second.wire(), fields('b'))
  const early = await listener.untilPong()
  clock.advance(25_000)

  assert.deepEqual(early, [])
  assert.deepEqual(payloads(await listener.untilPong()), ['a'])
})
