/** The contract of every session store, on any medium. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { SessionStore } from '../../src/sources/mqtt-server/sessions/store/session-store.ts'
import { deliveryOf, keptIn, messageOf } from '../support/mqtt/session-changes.ts'

export interface SessionStoreUnderTest {
  readonly name: string
  /** A store on a fresh medium, not opened. Cleans up after itself. */
  make(t: TestContext): Promise<SessionStore>
  /** A new store on the medium of a closed one. */
  again(t: TestContext, store: SessionStore): Promise<SessionStore>
}

const PLAIN = { qos: 1, noLocal: false, retainAsPublished: false, identifier: undefined } as const
const clientId = 'sleeper'

export function testSessionStore(under: SessionStoreUnderTest): void {
  const reopened = async (t: TestContext, store: SessionStore) => {
    await store.close()
    return keptIn(await (await under.again(t, store)).open())
  }

  describe(`${under.name} as a session store`, () => {
    test('a new store is empty', async (t) => {
      const store = await under.make(t)

      assert.deepEqual(keptIn(await store.open()), { sessions: {}, retained: {} })
    })

    test('a session comes back with its settings, subscriptions, will and times', async (t) => {
      const store = await under.make(t)
      await store.open()
      const will = { ...messageOf('w', 'gone'), retain: true }
      const full = { ...PLAIN, qos: 2, noLocal: true, identifier: 268_435_455 } as const

      const ann = { clientId, userName: 'ann' }

      store.note({ kind: 'begun', ...ann, lastPacketId: 0 })
      store.note({ kind: 'connected', ...ann, expiryIntervalS: 3_600, will })
      store.note({ kind: 'subscribed', ...ann, filter: 'a/#', options: PLAIN })
      store.note({ kind: 'subscribed', ...ann, filter: 'b/+', options: full })
      store.note({ kind: 'subscribed', ...ann, filter: 'c', options: PLAIN })
      store.note({ kind: 'unsubscribed', ...ann, filter: 'c' })
      store.note({ kind: 'disconnected', ...ann, expiresAt: 4_000_000, willDueAt: 5_000 })

      const kept = await reopened(t, store)
      assert.deepEqual(kept.sessions['ann/sleeper'], {
        userName: 'ann',
        expiryIntervalS: 3_600,
        will: 'w=gone',
        expiresAt: 4_000_000,
        willDueAt: 5_000,
        lastPacketId: 0,
        subscriptions: { 'a/#': PLAIN, 'b/+': full },
        waiting: [],
        inflight: [],
        receivedIds: [],
      })
    })

    test('users have sessions of their own under one client id', async (t) => {
      const store = await under.make(t)
      await store.open()

      for (const userName of ['ann', 'bob', undefined]) {
        store.note({ kind: 'begun', clientId, userName, lastPacketId: 0 })
        const message = messageOf('t', `for ${userName}`)
        store.note({ kind: 'queued', clientId, userName, delivery: deliveryOf(0, message) })
      }
      store.note({ kind: 'ended', clientId, userName: 'ann' })

      const { sessions } = await reopened(t, store)
      const waiting = Object.entries(sessions).map(([name, kept]) => [name, ...kept.waiting])
      assert.deepEqual(waiting.toSorted(), [
        ['bob/sleeper', '0 t=for bob'],
        ['sleeper', '0 t=for undefined'],
      ])
    })

    test('messages come back in their old state: waiting, in flight, released, or settled and gone', async (t) => {
      const store = await under.make(t)
      await store.open()
      const shared = messageOf('t', 'x')

      store.note({ kind: 'begun', clientId, lastPacketId: 0 })
      for (let sequence = 0; sequence < 6; sequence++) {
        const message = sequence < 2 ? shared : messageOf('t', `m${sequence}`)
        store.note({ kind: 'queued', clientId, delivery: deliveryOf(sequence, message, 2) })
      }
      store.note({ kind: 'sent', clientId, sequence: 0, packetId: 7 })
      store.note({ kind: 'sent', clientId, sequence: 1, packetId: 8 })
      store.note({ kind: 'sent', clientId, sequence: 3, packetId: 9 })
      store.note({ kind: 'settled', clientId, packetId: 7 })
      store.note({ kind: 'released', clientId, packetId: 8 })

      const kept = await reopened(t, store)
      assert.deepEqual(kept.sessions[clientId]?.inflight, ['8: 1 t=x released', '9: 3 t=m3'])
      assert.deepEqual(kept.sessions[clientId]?.waiting, ['4 t=m4', '5 t=m5'])
      assert.equal(kept.sessions[clientId]?.lastPacketId, 9)
    })

    test('ids of QoS 2 messages are kept until they are removed', async (t) => {
      const store = await under.make(t)
      await store.open()

      store.note({ kind: 'begun', clientId, lastPacketId: 0 })
      for (const packetId of [1, 2, 65_535]) store.note({ kind: 'received', clientId, packetId })
      store.note({ kind: 'forgotten', clientId, packetId: 2 })

      const kept = await reopened(t, store)
      assert.deepEqual(kept.sessions[clientId]?.receivedIds, [1, 65_535])
    })

    test('a session that ended or began again has nothing from before', async (t) => {
      const store = await under.make(t)
      await store.open()

      for (const each of ['ends', 'begins']) {
        store.note({ kind: 'begun', clientId: each, lastPacketId: 0 })
        store.note({ kind: 'subscribed', clientId: each, filter: 'a', options: PLAIN })
      }
      store.note({ kind: 'ended', clientId: 'ends' })
      store.note({ kind: 'begun', clientId: 'begins', lastPacketId: 0 })
      store.note({ kind: 'queued', clientId: 'ends', delivery: deliveryOf(0, messageOf('a', 'x')) })

      const kept = await reopened(t, store)
      assert.deepEqual(Object.keys(kept.sessions), ['begins'])
      assert.deepEqual(kept.sessions['begins']?.subscriptions, {})
    })

    test('the last retained message of each topic is kept, with its expiry', async (t) => {
      const store = await under.make(t)
      await store.open()

      store.note({ kind: 'retained', message: messageOf('a', 'old') })
      store.note({ kind: 'retained', message: { ...messageOf('a', 'new'), expiresAt: 9_000 } })
      store.note({ kind: 'retained', message: messageOf('b', 'x') })
      store.note({ kind: 'unretained', topic: 'b' })

      const kept = await reopened(t, store)
      assert.deepEqual(kept.retained, { a: { payload: 'new', expiresAt: 9_000 } })
    })
  })
}
