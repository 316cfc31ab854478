/** Which session without a connection ends when there are too many. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DEFAULT_LIMITS,
  type MqttLimits,
} from '../../../../../src/sources/mqtt-server/limits/limits.ts'
import { Owner } from '../../../../../src/sources/mqtt-server/limits/owner.ts'
import { OfflineSessions } from '../../../../../src/sources/mqtt-server/sessions/offline-sessions.ts'
import { QueueTotal } from '../../../../../src/sources/mqtt-server/sessions/outgoing-queue.ts'
import { Session } from '../../../../../src/sources/mqtt-server/sessions/session.ts'
import { Statistics } from '../../../../../src/sources/mqtt-server/topics/statistics.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { RecordingLink } from '../../../../support/mqtt/recording-link.ts'

function open(limits: Partial<MqttLimits>) {
  const allLimits = { ...DEFAULT_LIMITS, ...limits }
  const offline = new OfflineSessions(allLimits)
  return {
    /** The client loses its connection. Returns the client ids of the sessions that end. */
    leave(clientId: string, from: { userName?: string; address?: string }): string[] {
      const session = new Session({
        clientId,
        owner: new Owner(from.userName),
        limits: allLimits,
        statistics: new Statistics(),
        clock: new ManualClock(),
        queued: new QueueTotal(allLimits),
      })
      session.attach(new RecordingLink(from))
      session.detach()
      const excess = offline.add(session)
      if (excess === undefined) return []
      offline.delete(excess)
      return [excess.clientId]
    },
    kept: () => [...offline].map(({ clientId }) => clientId),
  }
}

test('a user that leaves many sessions behind pushes out its own, and no other user’s', () => {
  const { leave, kept } = open({ maxOfflineSessions: 10 })
  leave('valve', { userName: 'valve' })
  const ended: string[] = []

  for (let i = 0; i < 20; i++) ended.push(...leave(`many-${i}`, { userName: 'greedy' }))
  leave('pump', { userName: 'pump' })

  assert.deepEqual(ended.slice(0, 2), ['many-0', 'many-1'])
  assert.equal(kept().length, 10)
  assert.ok(kept().includes('valve') && kept().includes('pump'))
})

test('anonymous clients of one address count together', () => {
  const { leave, kept } = open({ maxOfflineSessions: 3 })
  leave('a', { address: '192.0.2.1' })
  leave('b', { address: '192.0.2.2' })

  leave('c', { address: '192.0.2.2' })
  leave('d', { address: '192.0.2.2' })

  assert.deepEqual(kept(), ['a', 'c', 'd'])
})

test('among owners with as many sessions, the one that has had them longest gives way', () => {
  const { leave, kept } = open({ maxOfflineSessions: 2 })
  leave('a', { userName: 'one' })
  leave('b', { userName: 'two' })

  leave('c', { userName: 'three' })

  assert.deepEqual(kept(), ['b', 'c'])
})

test('a user keeps as many sessions without a connection as limits.maxOfflineSessionsPerUser says', () => {
  const { leave, kept } = open({ maxOfflineSessionsPerUser: 2 })

  for (const clientId of ['a', 'b', 'c']) leave(clientId, { userName: 'pump' })
  for (const clientId of ['x', 'y', 'z']) leave(clientId, {})

  assert.deepEqual(kept(), ['b', 'c', 'x', 'y', 'z'])
})
