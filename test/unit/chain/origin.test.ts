import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  MAX_TOPICS_CHARACTERS,
  NO_UPSTREAM,
  originText,
  parseOrigin,
  parseTopics,
  runsOfOffsets,
  topicOfChannel,
  topicsText,
} from '../../../src/chain/origin.ts'

const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
const offsets = fc
  .uniqueArray(fc.nat({ max: 2 ** 40 }), { minLength: 1, maxLength: 100 })
  .map((numbers) => numbers.sort((a, b) => a - b))

test('what a sender says of a batch is what the receiver reads', () => {
  fc.assert(
    fc.property(
      fc.record({ connector: name, instance: name, destination: name, logId: name }),
      offsets,
      fc.array(name, { maxLength: 10 }),
      (names, numbers, connectors) => {
        const upstream =
          connectors.length === 0 ? NO_UPSTREAM : { connectors, hops: connectors.length }
        const origin = {
          ...names,
          offsets: runsOfOffsets(numbers.map((offset) => ({ offset }))),
          settledBelow: numbers[0] ?? 0,
          end: (numbers.at(-1) ?? 0) + 1,
          upstream,
        }

        assert.deepEqual(parseOrigin(originText(origin)), origin)
      },
    ),
  )
})

test('topics come back as they were, whatever characters they have', () => {
  const topic = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(fc.array(topic, { minLength: 1, maxLength: 100 }), (topics) => {
      const text = topicsText(
        'c',
        topics.map((one) => ({ topic: one })),
      )
      if (text === undefined) return
      assert.ok(text.length <= MAX_TOPICS_CHARACTERS)
      assert.deepEqual(parseTopics(text, topics.length), topics)
    }),
  )
})

test('topics need no header if all are the one that stands for the channel', () => {
  assert.equal(topicsText('c', [{ topic: topicOfChannel('c') }]), '')
})

test('anything else is refused: nothing throws', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      parseOrigin(text)
      parseTopics(text, 3)
    }),
  )
  const good = 'connector=a;instance=b;destination=c;log=d;offsets=5-7;settled=5;end=8'
  assert.notEqual(parseOrigin(good), undefined)
  for (const bad of [
    good.replace('offsets=5-7', 'offsets=7-5'),
    good.replace('offsets=5-7', 'offsets=5-7,6'),
    good.replace('settled=5', 'settled=6'),
    good.replace('end=8', 'end=7'),
    good.replace('connector=a', 'connector=../a'),
    `${good};connector=b`,
    `${good};path=a;hops=x`,
  ]) {
    assert.equal(parseOrigin(bad), undefined, bad)
  }
})
