/** How sessions and retained messages divide the room in which they are durable. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SessionStates } from '../../../../../../src/sources/mqtt-server/sessions/store/session-states.ts'
import type { SessionName } from '../../../../../../src/sources/mqtt-server/sessions/store/sessions-by-name.ts'
import { deliveryOf, messageOf } from '../../../../../support/mqtt/session-changes.ts'

const MAX_BYTES = 1_000_000

function open() {
  const states = new SessionStates(MAX_BYTES)
  states.divide()
  return {
    states,
    /** Queues messages for a new session until one is not kept. Returns how many are kept. */
    fill(name: SessionName, most = Number.POSITIVE_INFINITY): number {
      states.apply({ kind: 'begun', ...name, lastPacketId: 0 })
      for (let sequence = 0; sequence < most; sequence++) {
        const delivery = deliveryOf(sequence, messageOf('t', 'x'.repeat(200)))
        const made = states.apply({ kind: 'queued', ...name, delivery })
        if (made === undefined) return sequence
      }
      return most
    },
  }
}

test('a user with many sessions leaves room in which other users’ sessions are durable', () => {
  const { states, fill } = open()
  for (let i = 0; i < 50; i++) fill({ clientId: `many-${i}`, userName: 'greedy' })
  const taken = states.bytes

  const kept = fill({ clientId: 'a', userName: 'polite' }, 20)

  assert.ok(taken <= MAX_BYTES / 2 + 1_000, `${taken} bytes`)
  assert.equal(kept, 20)
})

test('anonymous sessions that take all they can leave room for the next one', () => {
  const { fill } = open()
  for (let i = 0; i < 18; i++) fill({ clientId: `many-${i}` })

  assert.equal(fill({ clientId: 'polite' }, 5), 5)
})

test('retained messages leave room in which sessions are durable', () => {
  const { states, fill } = open()
  for (let i = 0; i < 10_000; i++) {
    states.apply({ kind: 'retained', message: messageOf(`topic/${i}`, 'x'.repeat(200)) })
  }

  assert.equal(fill({ clientId: 'a', userName: 'polite' }, 20), 20)
})

test('a state that was kept before is read again in any order, whatever the shares are', () => {
  const { states, fill } = open()
  for (let i = 0; i < 10; i++) fill({ clientId: `c-${i}`, userName: `user-${i}` })
  const changes = [...states.changes()]
  const again = new SessionStates(MAX_BYTES)

  for (const change of changes) again.apply(change)
  again.divide()

  assert.equal(again.bytes, states.bytes)
})
