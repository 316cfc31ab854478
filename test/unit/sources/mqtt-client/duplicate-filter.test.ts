import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DuplicateFilter } from '../../../../src/sources/mqtt-client/duplicate-filter.ts'

test('a copy is a message with the same payload that was taken in under other identifiers', () => {
  const copies = new DuplicateFilter(['a/+/c', 'a/b/#', 'x'])
  const [one, other] = [Buffer.from('1'), Buffer.from('2')]
  const see = (topic: string, payload: Buffer, ...identifiers: number[]): string => {
    const cycle = copies.find(topic, payload, identifiers)
    if (cycle === undefined) copies.expect(topic, payload, identifiers, 7)
    return cycle === undefined ? 'new' : `copy of ${cycle}`
  }

  assert.equal(see('a/b/c', one, 1), 'new')
  assert.equal(see('a/b/c', other, 1), 'new')
  assert.equal(see('a/b/c', one, 1), 'new')
  assert.equal(see('a/b/c', one, 2), 'copy of 7')
  assert.equal(see('a/b/c', one, 2), 'copy of 7')
  assert.equal(see('a/b/c', other, 2), 'copy of 7')
  assert.equal(see('a/b/c', other, 2), 'new')
  // One message for all filters, one without identifiers, one whose topic matches one filter.
  assert.deepEqual([see('a/b/c', one, 1, 2), see('a/b/c', one, 1, 2)], ['new', 'new'])
  assert.deepEqual([see('a/b/c', one), see('a/b/c', one)], ['new', 'new'])
  assert.deepEqual([see('x', one, 3), see('x', one, 3)], ['new', 'new'])
  // A broker that sends one message for all filters but names only one of them.
  for (let i = 0; i < 300; i++) assert.equal(see('a/b/c', one, 1), 'new')
  copies.forget(7)
  assert.equal(see('a/b/c', one, 2), 'new')
})
