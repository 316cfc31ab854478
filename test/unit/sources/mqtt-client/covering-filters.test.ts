import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  areOverlapping,
  coveringFilters,
  covers,
} from '../../../../src/sources/mqtt-client/covering-filters.ts'

/** A plain model of MQTT 3.1.1, section 4.7. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const pattern = filter
    .split('/')
    .map((level) => (level === '#' ? '.*' : level === '+' ? '[^/]*' : level.replace('$', '\\$')))
    .join('/')
    .replace(/\/\.\*$/, '(/.*)?')
  return new RegExp(`^${pattern}$`).test(topic)
}

const level = fc.constantFrom('a', 'b', '', '$x')
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, all]) => [...levels, ...(all ? ['#'] : [])].join('/'))

test('a filter covers another exactly if it matches all topics of the other', () => {
  assert.ok(covers('#', 'a/b'))
  assert.ok(covers('sensor/#', 'sensor'))
  assert.ok(covers('+/b', 'a/b'))
  assert.ok(covers('a/#', 'a/+/c/#'))
  assert.ok(!covers('+', '#'))
  assert.ok(!covers('#', '$SYS/#'))
  assert.ok(!covers('a/+', 'a'))
  fc.assert(
    fc.property(filters, filters, topics, (filter, covered, topic) => {
      fc.pre(covers(filter, covered) && matches(covered, topic))
      assert.ok(matches(filter, topic), `${filter} does not match ${topic} of ${covered}`)
    }),
    { numRuns: 2000 },
  )
})

test('the covering filters match the same topics as all filters, and none covers another', () => {
  fc.assert(
    fc.property(
      fc.array(filters, { maxLength: 6 }),
      fc.array(topics, { minLength: 1, maxLength: 20 }),
      (all, some) => {
        const kept = coveringFilters(all)

        for (const topic of some) {
          const before = all.some((filter) => matches(filter, topic))
          assert.equal(
            kept.some((filter) => matches(filter, topic)),
            before,
          )
        }
        for (const filter of kept) {
          assert.ok(!kept.some((other) => other !== filter && covers(other, filter)))
        }
      },
    ),
    { numRuns: 1000 },
  )
})

test('filters overlap exactly if some topic matches both', () => {
  for (const [first, second, isOverlapping] of [
    ['a/+/c', 'a/b/#', true],
    ['a/+', 'a/b/c', false],
    ['a/#', 'a', true],
    ['+', '$SYS', false],
    ['+/b', 'a/+', true],
    ['a', 'b', false],
  ] as const) {
    assert.equal(areOverlapping([first, second]), isOverlapping, `${first} ${second}`)
  }
})
