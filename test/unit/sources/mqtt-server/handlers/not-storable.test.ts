/** Messages that can't be stored now: MQTT 3.1.1 gets no acknowledgement, MQTT 5 a reason code. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Refusal } from '../../../../../src/message.ts'
import { MAX_RETRY_MS } from '../../../../../src/sources/mqtt-server/connection/message-retry.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { type ServerParts, startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import { frame, publishPacket, subscribePacket } from '../../../../support/mqtt/mqtt-wire.ts'
import { RecordingIntake } from '../../../../support/mqtt/recording-intake.ts'

const TOPIC = 'iotanalytics/channels/c/messages/binary/put'
const FAILED: Refusal = { error: 'StorageFailed', message: 'channel c can’t be stored: ENOSPC' }
const FULL: Refusal = { error: 'StorageFull', message: 'storage.maxBytes is reached' }
const TOO_MANY: Refusal = { error: 'ChannelLimit', message: 'storage.maxChannels is reached' }
const DISCONNECT = Buffer.from('e000', 'hex')
/** Longer than the pause before a connection ends whose messages were lost. */
const PAUSE_MS = 1_500

/** A server that can store no messages until `isWell`, with a clock that the test moves. */
async function startFull(t: TestContext, refusal: Refusal = FULL, parts: ServerParts = {}) {
  const storage = { isWell: false }
  const clock = new ManualClock()
  const reports: string[] = []
  const intake = new RecordingIntake({
    commitsAtOnce: true,
    refuse: () => (storage.isWell ? undefined : refusal),
  })
  const server = await startServer(t, {
    intake,
    clock,
    observer: {
      messageWithheld: (_source, code) => reports.push(`withheld ${code}`),
      clientSentAway: (_source, clientId, code, detail) => {
        reports.push(`sent away ${clientId} ${code}: ${detail}`)
      },
    },
    ...parts,
  })
  return { ...server, intake, clock, reports, storage }
}

/** A server whose commits the test ends, with a clock that the test moves. */
async function startCommitting(t: TestContext) {
  const clock = new ManualClock()
  const intake = new RecordingIntake()
  const reports: string[] = []
  const server = await startServer(t, {
    intake,
    clock,
    observer: {
      clientSentAway: (_source, clientId, code) => reports.push(`${clientId} ${code}`),
    },
  })
  return { ...server, intake, clock, reports }
}

function publish(id: number, qos: 0 | 1 | 2 = 1, payload = `m${id}`): Buffer {
  return publishPacket({ topic: TOPIC, payload, qos, id })
}

function payloadsOf(intake: RecordingIntake): string[] {
  return intake.messages.map(({ payload }) => payload.toString())
}

for (const refusal of [FAILED, FULL, TOO_MANY]) {
  test(`3.1.1: a message that can’t be stored now (${refusal.error}) is not acknowledged until it is`, async (t) => {
    const { client, intake, clock, reports, storage } = await startFull(t, refusal)
    const device = await client()

    device.send(publish(1))
    await intake.withheldTimes(1)
    clock.advance(MAX_RETRY_MS - 1_001)
    const before = await device.untilPong()
    storage.isWell = true
    clock.advance(1_000)

    assert.deepEqual(before, [])
    assert.equal(await device.nextHex(), '40020001')
    assert.deepEqual(await device.untilPong(), [])
    assert.deepEqual(payloadsOf(intake), ['m1'])
    // Reported once, though it was offered several times.
    assert.deepEqual(reports, [`withheld ${refusal.error}`])
    assert.ok(intake.withheld.length > 5)
  })

  test(`5: a message that can’t be stored now (${refusal.error}) gets a reason code at once`, async (t) => {
    const { client, intake } = await startFull(t, refusal)
    const device = await client({ version: 5 })
    const code = refusal === FAILED ? 0x83 : 0x97

    device.send(publishPacket({ topic: TOPIC, qos: 1, id: 1, properties: [] }))
    const puback = await device.next()
    device.send(publishPacket({ topic: TOPIC, qos: 2, id: 2, properties: [] }))
    const pubrec = await device.next()

    assert.deepEqual([puback?.[0], puback?.[4]], [0x40, code])
    assert.deepEqual([pubrec?.[0], pubrec?.[4]], [0x50, code])
    assert.ok(puback?.includes(refusal.message))
    assert.deepEqual([intake.refused.length, intake.withheld.length], [2, 0])
  })
}

test('3.1.1: no message overtakes one that waits; all are taken in and acknowledged in order', async (t) => {
  const { client, intake, clock, storage } = await startFull(t)
  const device = await client()
  const ids = Array.from({ length: 500 }, (_, i) => i + 1)

  device.send(...ids.map((id) => publish(id, id % 3 === 0 ? 2 : 1)))
  await intake.withheldTimes(1)
  clock.advance(500)
  const offered = new Set(intake.withheld)
  storage.isWell = true
  clock.advance(1_000)
  const answers: string[] = []
  while (answers.length < ids.length) answers.push(await device.nextHex())

  assert.deepEqual([...offered], ['m1'])
  assert.deepEqual(
    payloadsOf(intake),
    ids.map((id) => `m${id}`),
  )
  assert.deepEqual(
    answers.map((answer) => Number.parseInt(answer.slice(4), 16)),
    ids,
  )
})

test('3.1.1: if storage fails for long, the client is disconnected without an acknowledgement, and the report names the reason', async (t) => {
  const { client, intake, clock, reports } = await startFull(t, FAILED)
  const device = await client({ clientId: 'pump' })

  device.send(publish(1), publish(2))
  await intake.withheldTimes(1)
  clock.advance(MAX_RETRY_MS)

  assert.deepEqual(await device.untilClosed(), [])
  assert.deepEqual(reports, [
    'withheld StorageFailed',
    'sent away pump StorageFailed: channel c can’t be stored: ENOSPC',
  ])
  assert.deepEqual([...new Set(intake.withheld)], ['m1'])
  assert.equal(intake.messages.length, 0)
})

test('3.1.1: each message may wait for the whole time if the one before was stored', async (t) => {
  const { client, intake, clock, storage } = await startFull(t)
  const device = await client()

  for (const id of [1, 2, 3]) {
    storage.isWell = false
    const offers = intake.withheld.length
    device.send(publish(id))
    await intake.withheldTimes(offers + 1)
    clock.advance(MAX_RETRY_MS - 1_001)
    storage.isWell = true
    clock.advance(1_000)
    assert.equal(await device.nextHex(), `4002000${id}`)
  }

  assert.deepEqual(payloadsOf(intake), ['m1', 'm2', 'm3'])
})

test('3.1.1: a QoS 2 message that can’t be stored gets no PUBREC, and counts as new when it comes again', async (t) => {
  const { client, intake, clock, storage } = await startFull(t)
  const fields = { clientId: 'roaming', isClean: false }
  const first = await client(fields)

  first.send(publish(9, 2))
  await intake.withheldTimes(1)
  clock.advance(MAX_RETRY_MS)
  const answers = await first.untilClosed()
  storage.isWell = true
  const second = await client(fields)
  second.send(publishPacket({ topic: TOPIC, payload: 'm9', qos: 2, id: 9, isDuplicate: true }))
  const pubrec = await second.nextHex()
  second.send(frame(0x62, [0, 9]))

  assert.deepEqual(answers, [])
  assert.deepEqual([pubrec, await second.nextHex()], ['50020009', '70020009'])
  assert.deepEqual(payloadsOf(intake), ['m9'])
})

test('3.1.1: a QoS 0 message that can’t be stored is refused, and no message waits for it', async (t) => {
  const { client, intake } = await startFull(t)
  const device = await client()

  device.send(publish(1, 0))

  assert.deepEqual(await device.untilPong(), [])
  assert.deepEqual([intake.refused, intake.withheld], [['m1'], []])
})

test('while a message of a client waits, a limited number of its bytes is read', async (t) => {
  const { client, intake } = await startFull(t, FULL, { limits: { maxHeldBytes: 4_096 } })
  const device = await client({ clientId: 'flood' })
  const other = await client({ clientId: 'other' })
  const megabyte = Buffer.concat(
    Array.from({ length: 16 }, (_, i) => publish(i + 1, 1, 'x'.repeat(65_000))),
  )

  for (let i = 0; i < 48; i++) device.send(megabyte)
  await intake.withheldTimes(1)
  for (let i = 0; i < 50; i++) await other.untilPong()

  // The kernel's buffers hold far less than that.
  assert.ok(device.socket.writableLength > 8 * megabyte.length)
  assert.deepEqual(await other.untilPong(), [])
})

test('a client that is not read while its message waits does not count as silent, but does later', async (t) => {
  const { client, intake, clock, storage } = await startFull(t, FULL, {
    limits: { maxHeldBytes: 64 },
  })
  const device = await client({ keepAliveS: 2 })

  device.send(publish(1, 1, 'x'.repeat(100)))
  await intake.withheldTimes(1)
  clock.advance(9_000)
  const isOpen = !device.isClosed
  storage.isWell = true
  clock.advance(999)
  const puback = await device.nextHex()
  clock.advance(1_000)
  const pongs = await device.untilPong()
  clock.advance(6_000)

  assert.equal(isOpen, true)
  assert.equal(puback, '40020001')
  assert.deepEqual(pongs, [])
  assert.deepEqual(await device.untilClosed(), [])
})

test('a client that sends nothing while its message waits is disconnected in time', async (t) => {
  const { client, intake, clock, server } = await startFull(t, FULL, {
    limits: { maxHeldBytes: 64 },
  })
  const device = await client({ keepAliveS: 0 })

  device.send(publish(1, 1, 'x'.repeat(100)))
  await intake.withheldTimes(1)
  clock.advance(MAX_RETRY_MS)
  await device.untilClosed()

  while (server.connectionCount > 0) await setImmediate()
})

test('a client that sends DISCONNECT while its message waits keeps the message, and its will is discarded', async (t) => {
  const { client, intake, server } = await startFull(t)
  const listener = await client({ clientId: 'listener' })
  listener.send(subscribePacket(1, { '#': 0 }))
  await listener.next()
  const device = await client({ clientId: 'pump', will: { topic: 'wills', payload: 'gone' } })

  device.send(publish(1), publishPacket({ topic: 'others', payload: 'last' }), DISCONNECT)

  assert.deepEqual(await device.untilClosed(), [])
  while (server.connectionCount > 1) await setImmediate()
  const heard = (await listener.untilPong()).map((hex) => Buffer.from(hex, 'hex').toString())
  assert.equal(heard.length, 1)
  assert.match(heard[0] ?? '', /otherslast$/)
  assert.equal(intake.messages.length, 0)
})

test('a client that leaves while its message waits leaves no connection behind and nothing half done', async (t) => {
  const { client, intake, clock, storage, server } = await startFull(t)
  const device = await client()

  device.send(publish(1))
  await intake.withheldTimes(1)
  device.socket.end()
  while (server.connectionCount > 0) await setImmediate()
  storage.isWell = true
  clock.advance(MAX_RETRY_MS)
  const again = await client()
  again.send(publish(1))

  assert.equal(await again.nextHex(), '40020001')
  assert.deepEqual(payloadsOf(intake), ['m1'])
})

test('a will that can’t be stored is refused, because no client would send it again', async (t) => {
  const { client, intake, server } = await startFull(t)
  const device = await client({ will: { topic: TOPIC, payload: 'will', qos: 1 } })

  device.socket.destroy()
  while (server.connectionCount > 0) await setImmediate()

  assert.deepEqual([intake.refused, intake.withheld], [['will'], []])
})

test('3.1.1: no message of a failed commit is acknowledged, and the client is disconnected after a pause', async (t) => {
  const { client, intake, clock, reports } = await startCommitting(t)
  const device = await client({ clientId: 'pump' })

  device.send(publish(1))
  await intake.taken(1)
  intake.beginNextCycle()
  device.send(publish(2), publish(3, 2))
  await intake.taken(3)
  // The first cycle is committed although it was not reported: the report of the next one says so.
  intake.fail(FAILED)
  device.send(publish(4))
  const meanwhile = await device.untilPong()
  const tooEarly = [...reports]
  clock.advance(PAUSE_MS)

  assert.deepEqual(meanwhile, ['40020001'])
  assert.deepEqual(tooEarly, [])
  assert.deepEqual(await device.untilClosed(), [])
  assert.deepEqual(reports, ['pump StorageFailed'])
  assert.deepEqual(payloadsOf(intake), ['m1', 'm2', 'm3'])
})

test('3.1.1: after a failed commit, messages of the next one are not acknowledged either, to keep the order', async (t) => {
  const { client, intake, clock } = await startCommitting(t)
  const device = await client()

  device.send(publish(1))
  await intake.taken(1)
  const first = intake.beginNextCycle()
  device.send(publish(2))
  await intake.taken(2)
  intake.reportFailed(first, FAILED)
  intake.commit()
  const meanwhile = await device.untilPong()
  clock.advance(PAUSE_MS)

  assert.deepEqual(meanwhile, [])
  assert.deepEqual(await device.untilClosed(), [])
})

test('5: every message of a failed commit gets a reason code, and the connection stays', async (t) => {
  const { client, intake, clock } = await startCommitting(t)
  const device = await client({ version: 5 })

  for (const [id, qos] of [
    [1, 1],
    [2, 2],
  ] as const) {
    device.send(publishPacket({ topic: TOPIC, qos, id, properties: [] }))
  }
  await intake.taken(2)
  intake.fail(FAILED)
  const answers = [await device.nextHex(), await device.nextHex()]
  clock.advance(PAUSE_MS)

  assert.deepEqual(answers, ['4003000183', '5003000283'])
  assert.deepEqual(await device.untilPong(), [])
})

test('a client whose messages were committed is not disconnected if messages of others fail', async (t) => {
  const { client, intake, clock } = await startCommitting(t)
  const unlucky = await client({ clientId: 'unlucky' })
  const other = await client({ clientId: 'other' })

  other.send(publish(1))
  await intake.taken(1)
  intake.commit()
  const puback = await other.nextHex()
  unlucky.send(publish(1))
  await intake.taken(2)
  intake.fail(FAILED)
  clock.advance(PAUSE_MS)

  assert.equal(puback, '40020001')
  assert.deepEqual(await unlucky.untilClosed(), [])
  assert.deepEqual(await other.untilPong(), [])
})

for (const isLostBefore of [false, true]) {
  const when = isLostBefore ? 'after the connection was lost' : 'while connected'
  test(`3.1.1: a QoS 2 message whose commit failed ${when} is taken again when it is sent again`, async (t) => {
    const { client, intake, clock, server } = await startCommitting(t)
    const fields = { clientId: 'roaming', isClean: false }
    const first = await client(fields)
    first.send(publish(9, 2))
    await intake.taken(1)

    if (isLostBefore) first.socket.destroy()
    while (isLostBefore && server.connectionCount > 0) await setImmediate()
    intake.fail(FAILED)
    clock.advance(PAUSE_MS)
    await first.untilClosed()
    const second = await client(fields)
    second.send(publishPacket({ topic: TOPIC, payload: 'm9', qos: 2, id: 9, isDuplicate: true }))
    await intake.taken(2)
    const before = await second.untilPong()
    intake.commit()

    assert.deepEqual(before, [])
    assert.equal(await second.nextHex(), '50020009')
    assert.deepEqual(payloadsOf(intake), ['m9', 'm9'])
  })
}
