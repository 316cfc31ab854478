/** All sessions of a server: which one makes room for another, and when wills and sessions end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS } from '../../../../../src/sources/mqtt-server/limits/limits.ts'
import type { Will } from '../../../../../src/sources/mqtt-server/packets/connect-packet.ts'
import { encodeProperties } from '../../../../../src/sources/mqtt-server/packets/properties.ts'
import { restore } from '../../../../../src/sources/mqtt-server/sessions/restore-sessions.ts'
import { NEVER_EXPIRES_S } from '../../../../../src/sources/mqtt-server/sessions/session.ts'
import { SessionRecorder } from '../../../../../src/sources/mqtt-server/sessions/session-recorder.ts'
import { SessionRegistry } from '../../../../../src/sources/mqtt-server/sessions/session-registry.ts'
import { RetainedMessages } from '../../../../../src/sources/mqtt-server/topics/retained-messages.ts'
import { Statistics } from '../../../../../src/sources/mqtt-server/topics/statistics.ts'
import { Subscriptions } from '../../../../../src/sources/mqtt-server/topics/subscriptions.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { MemorySessionStore } from '../../../../support/mqtt/memory-session-store.ts'
import { RecordingLink } from '../../../../support/mqtt/recording-link.ts'
import { messageOf } from '../../../../support/mqtt/session-changes.ts'

function willWith(willDelayIntervalS: number): Will {
  const payload = Buffer.from('gone')
  const properties = encodeProperties({ willDelayIntervalS })
  return { topic: 'wills', qos: 0, retain: false, payload, properties }
}

function open(clock = new ManualClock(), store = new MemorySessionStore(), maxOfflineSessions = 2) {
  const limits = { ...DEFAULT_LIMITS, maxOfflineSessions }
  const wills: string[] = []
  const registry = new SessionRegistry({
    limits,
    statistics: new Statistics(),
    subscriptions: new Subscriptions(),
    clock,
    recorder: new SessionRecorder(store, clock),
    publishWill: (will, done) => {
      wills.push(will.topic)
      done()
    },
  })
  const connect = (clientId: string, expiryS: number, will?: Will) => {
    const { session, isPresent } = registry.open(clientId, false)
    registry.configure(session, will, expiryS)
    session.attach(new RecordingLink())
    return { session, isPresent }
  }
  return {
    clock,
    registry,
    wills,
    connect,
    /** A client connects and loses its connection. */
    visit(clientId: string, expiryS: number, will?: Will): void {
      registry.disconnected(connect(clientId, expiryS, will).session, true)
    },
    has: (...clientIds: string[]) => clientIds.filter((id) => registry.find(id) !== undefined),
    /** The server starts again on the same store. */
    async restart() {
      const next = open(clock, store, maxOfflineSessions)
      const retained = new RetainedMessages(limits)
      const beyond = restore(
        { clock, limits, retained, sessions: next.registry },
        await store.open(),
      )
      return { ...next, retained, beyond }
    },
  }
}

test('when too many clients are offline, the session longest offline ends, whenever it would expire', () => {
  const { visit, has } = open()
  visit('long', NEVER_EXPIRES_S)
  visit('short', 60)

  visit('new', 60)

  assert.deepEqual(has('long', 'short', 'new'), ['short', 'new'])
})

test('a client that comes back counts as offline from its last disconnection', () => {
  const { visit, has } = open()
  visit('a', 60)
  visit('b', 60)
  visit('a', 60)

  visit('c', 60)

  assert.deepEqual(has('a', 'b', 'c'), ['a', 'c'])
})

test('after a restart, the session that would expire first makes room', async () => {
  const before = open()
  before.visit('long', NEVER_EXPIRES_S)
  before.visit('short', 60)
  const after = await before.restart()

  after.visit('new', 60)

  assert.deepEqual(after.has('long', 'short', 'new'), ['long', 'new'])
})

test('a session that expired while the server was down is gone, and a connected one is offline now', async () => {
  const before = open()
  before.visit('short', 60)
  before.connect('connected', 60)
  before.clock.advance(60_000)

  const after = await before.restart()
  const restored = after.has('short', 'connected')
  after.clock.advance(60_000)
  after.registry.sweep()

  assert.deepEqual(restored, ['connected'])
  assert.deepEqual(after.has('connected'), [])
})

test('a will is published after its delay, or with the end of its session, whichever is first', () => {
  const { visit, registry, wills, clock } = open()
  visit('a', 60, willWith(10))
  visit('b', 5, willWith(10))

  clock.advance(5_000)
  registry.sweep()
  const afterSession = wills.length
  clock.advance(5_000)
  registry.sweep()

  assert.equal(afterSession, 1)
  assert.equal(wills.length, 2)
})

test('a client that is back before its will was due has no will published', () => {
  const { visit, connect, registry, wills, clock } = open()
  visit('a', 60, willWith(10))

  const { isPresent } = connect('a', 60)
  clock.advance(20_000)
  registry.sweep()

  assert.equal(isPresent, true)
  assert.deepEqual(wills, [])
})

test('a session of expiry 0 ends with its connection, and its will goes out before that', () => {
  const { visit, has, wills } = open()

  visit('a', 0, willWith(10))

  assert.deepEqual(has('a'), [])
  assert.deepEqual(wills, ['wills'])
})

test('what an earlier version kept beyond the limits is not restored, and the rest is', async () => {
  const store = new MemorySessionStore()
  const before = open(new ManualClock(), store)
  before.connect('c', 60)
  const deep = 'a/'.repeat(DEFAULT_LIMITS.maxTopicLevels)
  const options = {
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    identifier: undefined,
  } as const
  for (const filter of ['kept/#', deep]) {
    store.note({ kind: 'subscribed', clientId: 'c', filter, options })
  }
  for (const topic of ['kept', deep, 'long'.repeat(100)]) {
    store.note({ kind: 'retained', message: messageOf(topic, 'x') })
  }

  const after = await before.restart()

  const session = after.registry.find('c')
  assert.deepEqual([...(session?.subscriptions.keys() ?? [])], ['kept/#'])
  assert.equal(after.retained.count, 1)
  assert.deepEqual(after.beyond, { subscriptions: 1, retained: 2 })
  const again = await after.restart()
  assert.deepEqual([...(again.registry.find('c')?.subscriptions.keys() ?? [])], ['kept/#'])
})
