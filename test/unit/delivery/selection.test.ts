/** Which messages a destination gets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  Selection,
  type SelectionOptions,
  selectsChannel,
} from '../../../src/delivery/selection.ts'
import { makeMessage } from '../../support/channels/batch-maker.ts'

function selected(options: SelectionOptions, messages: ReturnType<typeof makeMessage>[]) {
  const selection = new Selection(options)
  return messages.filter((message) => selection.selects(message)).map(({ offset }) => offset)
}

const on = (topic: string, offset: number, receivedAt = 0) =>
  makeMessage(offset, { topic, receivedAt })

test('channels are selected by patterns in which * stands for any text', () => {
  const channels = ['press_1', 'press_12', 'oven', 'press', 'xpress_1']
  const of = (rules: SelectionOptions['channels']) =>
    channels.filter((channel) => selectsChannel({ channels: rules }, channel))

  assert.deepEqual(of(undefined), channels)
  assert.deepEqual(of({ include: ['press_*'] }), ['press_1', 'press_12'])
  assert.deepEqual(of({ include: ['press_*'], exclude: ['*2'] }), ['press_1'])
  assert.deepEqual(of({ exclude: ['*press*'] }), ['oven'])
  assert.deepEqual(of({ include: ['press_1', 'oven'] }), ['press_1', 'oven'])
  assert.deepEqual(of({ include: ['p*s*1'] }), ['press_1'])
})

test('a pattern matches as the regular expression of the same meaning', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', '_'), maxLength: 8 })
  const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(patterns, texts, (pattern, channel) => {
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(channel)
      assert.equal(selectsChannel({ channels: { include: [pattern] } }, channel), expected)
    }),
    { numRuns: 2_000 },
  )
})

test('topics are selected by the filters of MQTT', () => {
  const messages = [on('plant/1/temp', 0), on('plant/1/debug', 1), on('office/2/temp', 2)]

  assert.deepEqual(selected({ topics: { include: ['plant/#'] } }, messages), [0, 1])
  assert.deepEqual(
    selected({ topics: { include: ['+/+/temp'], exclude: ['office/#'] } }, messages),
    [0],
  )
})

test('one of n messages is selected, also of devices that take turns', () => {
  const topics = ['a', 'b', 'c', 'd']
  const messages = Array.from({ length: 40_000 }, (_, offset) => on(topics[offset % 4]!, offset))

  const offsets = selected({ sample: { every: 4 } }, messages)

  for (const [device] of topics.entries()) {
    const share = offsets.filter((offset) => offset % 4 === device).length
    assert.ok(Math.abs(share - 2_500) < 250, `device ${device}: ${share} of 10,000`)
  }
})

test('of each topic the first message in an interval is selected', () => {
  const messages = [
    on('a', 0, 1_000),
    on('b', 1, 1_100),
    on('a', 2, 1_900),
    on('a', 3, 2_000),
    on('b', 4, 2_999),
    on('b', 5, 3_000),
  ]

  assert.deepEqual(selected({ sample: { interval: 1_000 } }, messages), [0, 1, 3, 4, 5])
})

test('a message that is sent again is selected again, whatever came in between', () => {
  const rules = fc.record({
    every: fc.option(fc.integer({ min: 2, max: 5 }), { nil: undefined }),
    interval: fc.option(fc.constant(1_000), { nil: undefined }),
  })
  const arrivals = fc.array(fc.record({ topic: fc.constantFrom('a', 'b'), at: fc.nat(9_000) }))
  fc.assert(
    fc.property(rules, arrivals, (sample, given) => {
      const selection = new Selection({ sample })
      const messages = given.map(({ topic, at }, offset) => on(topic, offset, at))
      const first = messages.filter((message) => selection.selects(message))

      for (const message of first) assert.ok(selection.selects(message))
    }),
    { numRuns: 500 },
  )
})

test('the topics that are remembered are bounded', () => {
  const selection = new Selection({ sample: { interval: 1_000 } })
  for (let offset = 0; offset < 30_000; offset++) selection.selects(on(`t${offset}`, offset))

  assert.equal(selection.selects(on('t29999', 30_000)), false)
  assert.equal(selection.selects(on('t0', 30_001)), true)
})
