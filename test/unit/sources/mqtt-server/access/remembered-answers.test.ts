/** Answers of access rules are remembered within one bound for all clients. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { permissionsFor } from '../../../../../src/sources/mqtt-server/access/access-list.ts'
import { RememberedAnswers } from '../../../../../src/sources/mqtt-server/access/remembered-answers.ts'

const RULES = [
  { user: '*', publish: ['devices/%u/#'], subscribe: [], deny: false },
  { user: '*', publish: ['a/+'], subscribe: [], deny: false },
]

test('what is remembered of all clients stays within its bound, however many topics they invent', () => {
  const remembered = new RememberedAnswers(100_000)
  let most = 0
  for (let client = 0; client < 20; client++) {
    const permissions = permissionsFor(RULES, 'me', `user${client}`, remembered)
    for (let i = 0; i < 200; i++) {
      assert.equal(permissions.mayPublish(`devices/user${client}/${'t'.repeat(200)}${i}`), true)
      assert.equal(permissions.mayPublish(`devices/user${client + 1}/${i}`), false)
      most = Math.max(most, remembered.bytes)
    }
  }

  assert.ok(most <= 100_000, `${most} bytes`)
  assert.ok(most > 50_000)
})

test('nothing is remembered of a topic that is longer than topics may be', () => {
  const remembered = new RememberedAnswers()
  const permissions = permissionsFor(RULES, 'me', 'pump', remembered)

  assert.equal(permissions.mayPublish(`devices/pump/${'t'.repeat(60_000)}`), true)
  assert.equal(permissions.mayPublish(`a/${'/'.repeat(60_000)}`), false)
  assert.equal(remembered.bytes, 0)
})
