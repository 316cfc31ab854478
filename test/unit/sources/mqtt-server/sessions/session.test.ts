/** One session: what waits, what is in flight, what is sent again, and QoS 2 ids. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DEFAULT_LIMITS,
  type MqttLimits,
} from '../../../../../src/sources/mqtt-server/limits/limits.ts'
import { Owner } from '../../../../../src/sources/mqtt-server/limits/owner.ts'
import { type Qos, ReasonCode } from '../../../../../src/sources/mqtt-server/packets/protocol.ts'
import {
  type Delivery,
  QueueTotal,
} from '../../../../../src/sources/mqtt-server/sessions/outgoing-queue.ts'
import { STORED_BEFORE } from '../../../../../src/sources/mqtt-server/sessions/received-ids.ts'
import { Session } from '../../../../../src/sources/mqtt-server/sessions/session.ts'
import { Publication } from '../../../../../src/sources/mqtt-server/topics/publication.ts'
import { Statistics } from '../../../../../src/sources/mqtt-server/topics/statistics.ts'
import { recipientOf } from '../../../../../src/sources/mqtt-server/topics/subscriptions.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { type LinkSettings, RecordingLink } from '../../../../support/mqtt/recording-link.ts'

const TOPIC = { name: 'news', bytes: Buffer.from('news') }

function publication(text: string, qos: Qos, expiresAtMs?: number): Publication {
  const bytes = Buffer.from(text)
  const received = { bytes, payloadStart: 0, end: bytes.length, qos, retain: false, properties: {} }
  return new Publication(TOPIC, received, expiresAtMs)
}

function open(limits: Partial<MqttLimits> = {}) {
  const clock = new ManualClock()
  const statistics = new Statistics()
  const allLimits = { ...DEFAULT_LIMITS, ...limits }
  const queued = new QueueTotal(allLimits)
  const session = new Session({
    clientId: 'c',
    owner: new Owner(undefined),
    limits: allLimits,
    statistics,
    clock,
    queued,
  })
  const recipient = recipientOf(session, {
    qos: 2,
    noLocal: false,
    retainAsPublished: false,
    identifier: undefined,
  })
  return {
    session,
    clock,
    statistics,
    queued,
    publish(text: string, qos: Qos, expiresAtMs?: number): void {
      session.deliver(publication(text, qos, expiresAtMs), recipient)
    },
    /** The client connects. */
    connect(settings?: LinkSettings): RecordingLink {
      const link = new RecordingLink(settings)
      session.attach(link)
      session.resume()
      return link
    },
  }
}

/** What an earlier process has left of a session. */
function kept(fields: { receivedIds?: number[]; lastPacketId?: number } = {}) {
  return {
    clientId: 'c',
    nameBytes: 1,
    userName: 'user',
    expiryIntervalS: 60,
    will: undefined,
    expiresAt: undefined,
    willDueAt: Number.POSITIVE_INFINITY,
    lastPacketId: fields.lastPacketId ?? 0,
    subscriptions: new Map(),
    waiting: new Map(),
    inflight: new Map(),
    receivedIds: new Set(fields.receivedIds),
    bytes: 0,
  }
}

function delivery(sequence: number, text: string, qos: 1 | 2): Delivery {
  const message = publication(text, qos)
  return { sequence, publication: message, qos, retain: false, identifiers: [] }
}

test('QoS 1 and 2 messages wait for an offline client in their order, QoS 0 messages do not', () => {
  const { publish, connect } = open()
  publish('a', 1)
  publish('b', 0)
  publish('c', 2)

  const link = connect()

  assert.deepEqual(link.take(), ['publish a 1 qos1', 'publish c 2 qos2'])
})

test('no more messages are in flight than the client accepts; each acknowledgement sends the next', () => {
  const { session, publish, connect } = open()
  const link = connect({ receiveMaximum: 2 })
  for (const text of ['a', 'b', 'c', 'd']) publish(text, 1)
  const first = link.take()

  session.complete(1)
  const second = link.take()
  session.complete(99)

  assert.deepEqual(first, ['publish a 1 qos1', 'publish b 2 qos1'])
  assert.deepEqual(second, ['publish c 3 qos1'])
  assert.deepEqual(link.take(), [])
})

test('the server’s own limit of messages in flight holds as well', () => {
  const { publish, connect } = open({ maxInflight: 1 })
  const link = connect()

  publish('a', 1)
  publish('b', 1)

  assert.deepEqual(link.take(), ['publish a 1 qos1'])
})

test('a client that comes back gets everything in flight again, with DUP and in order, then what waits', () => {
  const { session, publish, connect } = open()
  connect({ receiveMaximum: 3 })
  for (const text of ['a', 'b', 'c', 'd']) publish(text, 2)
  session.release(2)
  session.detach()

  const link = connect()

  assert.deepEqual(link.take(), [
    'publish a 1 qos2 dup',
    'pubrel 2',
    'publish c 3 qos2 dup',
    'publish d 4 qos2',
  ])
})

test('an exchange of QoS 2 ends with PUBCOMP, not with PUBREC', () => {
  const { session, publish, connect } = open()
  const link = connect({ receiveMaximum: 1 })
  publish('a', 2)
  publish('b', 2)
  link.take()

  session.release(1)
  const afterPubrec = link.take()
  const isReleased = session.inflight(1)?.isReleased
  session.complete(1)

  assert.deepEqual(afterPubrec, [])
  assert.equal(isReleased, true)
  assert.deepEqual(link.take(), ['publish b 2 qos2'])
})

test('a message that expires while it waits is not sent', () => {
  const { publish, connect, clock } = open()
  publish('old', 1, 1_000)
  publish('new', 1)

  clock.advance(1_000)
  const link = connect()

  assert.deepEqual(link.take(), ['publish new 1 qos1'])
})

test('while the client reads nothing, QoS 0 messages are dropped and others wait', () => {
  const { session, publish, connect, statistics } = open()
  const link = connect()
  link.isCongested = true

  publish('a', 0)
  publish('b', 1)
  const congested = link.take()
  link.isCongested = false
  session.pump()

  assert.deepEqual(congested, [])
  assert.equal(statistics.messagesDropped, 1)
  assert.deepEqual(link.take(), ['publish b 1 qos1'])
})

test('messages in flight are sent again as fast as the client reads, before those that wait', () => {
  const { session, publish, connect } = open()
  connect({ receiveMaximum: 2 })
  for (const text of ['a', 'b', 'c']) publish(text, 1)
  session.detach()
  const back = new RecordingLink()
  back.isCongested = true

  session.attach(back)
  session.resume()
  const congested = back.take()
  back.isCongested = false
  session.pump()

  assert.deepEqual(congested, [])
  assert.deepEqual(back.take(), [
    'publish a 1 qos1 dup',
    'publish b 2 qos1 dup',
    'publish c 3 qos1',
  ])
})

test('a client for which too many messages wait is disconnected, and what waits stays', () => {
  const { session, publish, connect, statistics } = open({ maxQueuedMessages: 2 })
  const link = connect({ receiveMaximum: 1 })

  for (const text of ['a', 'b', 'c', 'd']) publish(text, 1)
  session.detach()
  const back = connect()

  assert.equal(link.ended?.reasonCode, ReasonCode.quotaExceeded)
  assert.equal(statistics.messagesDropped, 1)
  assert.deepEqual(back.take(), ['publish a 1 qos1 dup', 'publish b 2 qos1', 'publish c 3 qos1'])
})

test('a message that is too long for the client counts as acknowledged, and the next one goes out', () => {
  const { session, publish, connect } = open()
  const link = connect({ receiveMaximum: 1, maxPacketBytes: 20 })

  publish('longer than twenty bytes', 1)
  publish('short', 1)

  assert.deepEqual(link.take(), ['publish short 2 qos1'])
  assert.equal(session.inflight(1), undefined)
})

test('a retained message that is not to go out yet waits for the next pump', () => {
  const { session, connect } = open()
  const link = connect()
  const recipient = recipientOf(session, {
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    identifier: undefined,
  })

  session.deliverRetained(publication('a', 1), recipient, false)
  const before = link.take()
  session.pump()

  assert.deepEqual(before, [])
  assert.deepEqual(link.take(), ['publish a 1 qos1 retain'])
})

test('bytes of all sessions are counted until a message is acknowledged or the session ends', () => {
  const { session, publish, connect, queued } = open()
  connect({ receiveMaximum: 1 })
  publish('a', 1)
  const one = queued.bytes
  publish('b', 1)

  session.complete(1)
  const afterAck = queued.bytes
  session.discard()

  assert.ok(one > 0)
  assert.equal(afterAck, one)
  assert.equal(queued.bytes, 0)
})

test('a QoS 2 id is known until it is released', () => {
  const { session } = open()

  session.received(7, 3, 0)
  const cycle = session.receivedIn(7)
  session.forgetReceived(7)

  assert.equal(cycle, 3)
  assert.equal(session.receivedIn(7), undefined)
  assert.equal(session.receivedCount, 0)
})

test('a cycle that fails takes its own QoS 2 ids with it and no others', () => {
  const { session } = open()
  session.received(1, 3, 0)
  session.received(2, 4, 0)
  session.received(3, 4, 0)

  session.forgetLost(4)

  assert.equal(session.receivedIn(1), 3)
  assert.equal(session.receivedIn(2), undefined)
  assert.equal(session.receivedIn(3), undefined)
})

test('a restored session sends what was in flight under its old ids, then what waited', () => {
  const { session, connect } = open()
  session.restore({
    kept: kept({ lastPacketId: 11 }),
    will: undefined,
    inflight: [
      { packetId: 10, delivery: delivery(4, 'a', 1), isReleased: false },
      { packetId: 11, delivery: delivery(5, 'b', 2), isReleased: true },
    ],
    waiting: [delivery(6, 'c', 1)],
  })

  const link = connect()

  // New ids keep a distance from the last one recorded.
  assert.deepEqual(link.take(), [
    'publish a 10 qos1 dup',
    'pubrel 11',
    `publish c ${11 + 4_096 + 1} qos1`,
  ])
  assert.equal(session.expiryIntervalS, 60)
})

test('packet ids start again at 1 after the last one, and skip those that are in flight', () => {
  const { session, connect, publish } = open()
  const lastPacketId = 65_535 - 4_096 - 1
  session.restore({
    kept: kept({ lastPacketId }),
    will: undefined,
    inflight: [{ packetId: 1, delivery: delivery(0, 'a', 1), isReleased: false }],
    waiting: [],
  })
  const link = connect()
  link.take()

  for (const text of ['b', 'c']) publish(text, 1)

  assert.deepEqual(link.take(), ['publish b 65535 qos1', 'publish c 2 qos1'])
})

test('QoS 2 ids from before a restart are known as stored before', () => {
  const { session } = open()

  session.restore({
    kept: kept({ receivedIds: [5, 6] }),
    will: undefined,
    inflight: [],
    waiting: [],
  })

  assert.equal(session.receivedIn(5), STORED_BEFORE)
  assert.equal(session.receivedCount, 2)
  assert.equal(session.receivedIn(7), undefined)
})
