/** Users that are removed and rules that change: what clients have left with the server. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { temporaryFile } from '../../../../support/disk/temporary-file.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { MemorySessionStore } from '../../../../support/mqtt/memory-session-store.ts'
import { type ServerParts, startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  type ConnectFields,
  connectPacket,
  frame,
  type MqttWire,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { property } from '../../../../support/mqtt/property.ts'
import { passwordFile, passwordLines } from '../../../../support/processes/password-file.ts'

const PUMP = { userName: 'pump', password: 'p' } as const
const OPERATOR = { userName: 'operator', password: 'o', clientId: 'operator' } as const
const DISCONNECT_WITH_WILL = frame(0xe0, [4])
const EVERYTHING = '- { publish: ["#"], subscribe: ["#"] }\n'

async function guarded(t: TestContext, parts: ServerParts = {}) {
  const users = await passwordFile(t, { pump: 'p', operator: 'o' })
  const aclFile = await temporaryFile(t, 'rules.yaml', EVERYTHING)
  const drops: string[] = []
  const under = await startServer(t, {
    ...parts,
    observer: { messageDropped: (_channel, code) => drops.push(code) },
    options: { passwordFile: users, aclFile },
  })
  return { ...under, users, aclFile, drops }
}

/** A session that stays, with a will that is due after 30 seconds. */
function withWill(clientId: string, more: object = {}): ConnectFields {
  const will = { topic: `w/${clientId}`, payload: clientId, ...more }
  const delayed = { ...will, properties: property.willDelay(30) }
  const properties = property.sessionExpiry(256)
  return { ...PUMP, clientId, version: 5, isClean: false, properties, will: delayed }
}

async function topicsOf(wire: MqttWire): Promise<string[]> {
  const packets = (await wire.untilPong()).map((hex) => Buffer.from(hex, 'hex'))
  return packets
    .filter((packet) => packet[0] !== undefined && packet[0] >> 4 === 3)
    .map((packet) => packet.subarray(4, 4 + packet.readUInt16BE(2)).toString())
}

async function listening(client: (fields: ConnectFields) => Promise<MqttWire>, filter: string) {
  const wire = await client(OPERATOR)
  await wire.send(subscribePacket(1, { [filter]: 0 })).untilPong()
  return wire
}

test('the will of a user that was removed or has a new password is not published', async (t) => {
  const clock = new ManualClock()
  const { server, client, users, drops } = await guarded(t, { clock })
  const operator = await listening(client, 'w/#')
  const away = await client(withWill('away'))
  await away.send(DISCONNECT_WITH_WILL).untilClosed()
  const connected = await client({ ...PUMP, clientId: 'c', will: { topic: 'w/c', payload: 'x' } })

  await writeFile(users, passwordLines({ pump: 'new' }) + passwordLines({ operator: 'o' }))
  await server.reload()
  await connected.untilClosed()
  // The operator's hash is another one as well.
  await operator.untilClosed()
  const listener = await listening(client, 'w/#')
  clock.advance(31_000)

  assert.deepEqual(await topicsOf(listener), [])
  assert.deepEqual(drops, ['NotAuthorized', 'NotAuthorized'])
})

test('a will whose topic or response topic its client may no longer publish to is not published when it is due', async (t) => {
  const clock = new ManualClock()
  const { server, client, aclFile, drops } = await guarded(t, { clock })
  const listener = await listening(client, 'w/#')
  for (const clientId of ['forbidden', 'allowed']) {
    const wire = await client(withWill(clientId))
    await wire.send(DISCONNECT_WITH_WILL).untilClosed()
  }
  const asking = {
    topic: 'w/asking',
    payload: 'x',
    properties: property.responseTopic('w/forbidden'),
  }
  const third = await client({ ...PUMP, clientId: 'asking', version: 5, will: asking })

  await writeFile(aclFile, `- { publish: ["w/forbidden"], deny: true }\n${EVERYTHING}`)
  await server.reload()
  await third.send(DISCONNECT_WITH_WILL).untilClosed()
  await listener.untilPong()
  clock.advance(31_000)

  assert.deepEqual(await topicsOf(listener), ['w/allowed'])
  assert.deepEqual(drops, ['NotAuthorized', 'NotAuthorized'])
})

test('messages that wait for a client are dropped if it may no longer receive them, those in flight as well', async (t) => {
  const store = new MemorySessionStore()
  const { server, client, aclFile, wire } = await guarded(t, { store })
  const fields = { ...PUMP, clientId: 'sleeper', isClean: false } as const
  const sleeper = await client(fields)
  await sleeper.send(subscribePacket(1, { 'a/#': 1 })).untilPong()
  const sender = await client(OPERATOR)
  const send = async (topic: string, id: number) => {
    await sender.send(publishPacket({ topic, payload: 'x', qos: 1, id })).nextHex()
  }
  // In flight, then waiting.
  for (const [index, name] of ['secret', 'open'].entries()) await send(`a/${name}`, index + 1)
  await sleeper.untilPong()
  await sleeper.send(frame(0xe0)).untilClosed()
  for (const [index, name] of ['open', 'secret', 'secret', 'open'].entries()) {
    await send(`a/${name}`, index + 3)
  }

  await writeFile(aclFile, `- { subscribe: ["a/secret"], deny: true }\n${EVERYTHING}`)
  await server.reload()

  const kept = store.kept.sessions.get('sleeper', 'pump')
  const waiting = [...(kept?.waiting.values() ?? [])].map(({ message }) => message.topic)
  const inflight = [...(kept?.inflight.values() ?? [])].map((one) => one.delivery.message.topic)
  assert.deepEqual([waiting, inflight], [['a/open', 'a/open'], ['a/open']])
  const back = await wire()
  back.send(connectPacket(fields))
  await back.nextHex()
  assert.deepEqual(await topicsOf(back), ['a/open', 'a/open', 'a/open'])
})

test('rights that were taken away while the server was down hold for restored messages and wills', async (t) => {
  const store = new MemorySessionStore()
  const clock = new ManualClock()
  const first = await guarded(t, { store, clock })
  const fields = { ...PUMP, clientId: 'sleeper', isClean: false } as const
  const sleeper = await first.client(fields)
  await sleeper.send(subscribePacket(1, { 'a/#': 1 }), frame(0xe0)).untilClosed()
  const gone = await first.client(withWill('gone'))
  await gone.send(DISCONNECT_WITH_WILL).untilClosed()
  const sender = await first.client(OPERATOR)
  for (const [index, topic] of ['a/secret', 'a/open'].entries()) {
    await sender.send(publishPacket({ topic, payload: 'x', qos: 1, id: index + 1 })).nextHex()
  }
  await first.server.close()

  const acl = [
    { subscribe: ['a/secret'], deny: true },
    { publish: ['w/gone'], deny: true },
    { publish: ['#'], subscribe: ['#'] },
  ]
  const options = { passwordFile: first.users, acl }
  const second = await startServer(t, { store, clock, options })
  const listener = await listening(second.client, 'w/#')
  clock.advance(31_000)
  const back = await second.wire()
  back.send(connectPacket(fields))
  await back.nextHex()

  assert.deepEqual(await topicsOf(back), ['a/open'])
  assert.deepEqual(await topicsOf(listener), [])
})

test('messages in flight to a connected client are not sent again after its rights were taken away', async (t) => {
  const { server, client, aclFile, wire } = await guarded(t)
  const fields = { ...PUMP, clientId: 'sleeper', isClean: false } as const
  const sleeper = await client(fields)
  await sleeper.send(subscribePacket(1, { 'a/#': 1 })).untilPong()
  const sender = await client(OPERATOR)
  await sender.send(publishPacket({ topic: 'a/secret', payload: 'x', qos: 1, id: 1 })).nextHex()
  assert.deepEqual(await topicsOf(sleeper), ['a/secret'])

  await writeFile(aclFile, `- { subscribe: ["a/secret"], deny: true }\n${EVERYTHING}`)
  await server.reload()
  const again = await wire()
  again.send(connectPacket(fields))
  await again.nextHex()

  assert.deepEqual(await topicsOf(again), [])
})
