import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  covers,
  faultOfTopicFilter,
  isTopicFilter,
  isTopicName,
  overlaps,
} from '../../src/topics.ts'

const level = fc.constantFrom('a', 'b', '+', '#', 'a+', '', '$sys')
const filter = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
const topic = fc
  .array(fc.constantFrom('a', 'b', '', '$sys'), { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))

const matches = (text: string, name: string) => covers(text.split('/'), name.split('/'))

for (const [text, name, isMatch] of [
  ['a/+/c', 'a/b/c', true],
  ['a/+/c', 'a/c', false],
  ['a/#', 'a', true],
  ['a/#', 'ab', false],
  ['+', 'a', true],
  ['+', '', true],
  ['#', '$SYS/uptime', false],
  ['$SYS/#', '$SYS/uptime', true],
] as const) {
  test(`${text} ${isMatch ? 'matches' : 'does not match'} ${JSON.stringify(name)}`, () => {
    assert.equal(matches(text, name), isMatch)
  })
}

test('a topic name has at least one character and no wildcard', () => {
  assert.deepEqual(['a/b', '/', '', 'a/+', '#', 'a\0'].map(isTopicName), [
    true,
    true,
    false,
    false,
    false,
    false,
  ])
})

test('the configuration refuses exactly the filters that are not valid', () => {
  fc.assert(
    fc.property(filter, (text) => (faultOfTopicFilter(text) === undefined) === isTopicFilter(text)),
  )
})

test('a filter that covers another one matches all of its topics, and overlaps it', () => {
  const valid = filter.filter(isTopicFilter)

  fc.assert(
    fc.property(valid, valid, topic, (one, other, name) => {
      if (matches(one, name) && matches(other, name)) {
        assert(overlaps(one.split('/'), other.split('/')))
      }
      if (!covers(one.split('/'), other.split('/'))) return
      assert(!matches(other, name) || matches(one, name))
    }),
    { numRuns: 2_000 },
  )
})
