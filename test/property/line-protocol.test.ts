/** Lines of line protocol, read back by a parser of the tests' own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LineWriter } from '../../src/destinations/influx/line-writer.ts'
import { GrowingBuffer } from '../../src/destinations/rows/growing-buffer.ts'
import { makeMessage } from '../support/channels/batch-maker.ts'
import { parseLine } from '../support/destinations/line-protocol.ts'

const character = fc.constantFrom(...'ab=, "\\\n\r\t#/é😀0'.split(/(?:)/u))
const text = fc.oneof(
  fc.array(character, { maxLength: 8 }).map((parts) => parts.join('')),
  fc.string({ unit: 'grapheme' }),
)
const value = fc.oneof(
  text,
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const payload = fc.dictionary(text, value, { minKeys: 1, maxKeys: 6 })

/** How a name arrives. */
function asName(name: string): string {
  const printable = [...name].map((one) => (one < ' ' ? ' ' : one)).join('')
  const slashed = printable.replace(/\\(?=[,= \\"]|$)/g, '/')
  return slashed === '' ? '_' : slashed
}

function asText(value: unknown): unknown {
  if (typeof value === 'number') return value
  return typeof value === 'string' ? value.replaceAll('\n', '\\n').replaceAll('\r', '\\r') : value
}

test('a line has the tags and fields of its message, whatever characters they have', () => {
  const tags = { topic: { topicLevel: 1 }, who: { json: 'who' } }
  fc.assert(
    fc.property(payload, text, fc.nat(), (given, level, offset) => {
      const topic = level.replaceAll('/', '')
      const message = makeMessage(offset, {
        topic,
        receivedAt: 1_790_000_000_000,
        payload: Buffer.from(JSON.stringify(given)),
      })
      const out = new GrowingBuffer(1)
      const rules = { measurement: 'a b', nested: 'ignore', valueField: 'v' } as const
      const writer = new LineWriter(out, { ...rules, tags, fields: undefined, rawField: undefined })
      const problem = writer.write({ channel: 'c', logId: 'l' }, message)
      const { who, ...fields } = given
      if (Object.keys(fields).length === 0) return assert.ok(problem !== undefined)
      assert.equal(problem, undefined)

      const lines = String(out.content()).split('\n')
      assert.equal(lines.length, 2, 'one line')
      const point = parseLine(lines[0]!)

      assert.equal(point.measurement, 'a b')
      assert.equal(point.tags['topic'], topic === '' ? undefined : asName(topic))
      const whoText = typeof who === 'string' ? who : (JSON.stringify(who) ?? '')
      assert.equal(point.tags['who'], whoText === '' ? undefined : asName(whoText))
      const expected = Object.entries(fields).map(([name, value]) => {
        const isReserved = ['time', 'topic', 'who'].includes(name)
        return [asName(isReserved ? `${name}_` : name), asText(value)]
      })
      for (const [name, value] of Object.entries(Object.fromEntries(expected))) {
        assert.equal(point.fields[name], Object.is(value, -0) ? 0 : value)
      }
      assert.equal(Object.keys(point.fields).length, new Set(expected.map(([name]) => name)).size)
      assert.equal(point.timestamp, 1_790_000_000_000_000_000n + BigInt(offset % 1_000_000))
    }),
    { numRuns: 5_000 },
  )
})

test('the fast way of plain payloads writes the same lines as the way of all others', () => {
  const name = fc.constantFrom('who', 'time', 'time_', 'topic', '', 'a b', 'c,d', 'e=f', '_', 'g.h')
  const plainText = fc.string({ unit: 'grapheme-ascii', maxLength: 6 })
  const plainValue = fc.oneof(plainText, fc.boolean(), fc.integer(), fc.constant(null))
  const members = fc.dictionary(fc.oneof(name, plainText), plainValue, { maxKeys: 6 })
  const only = fc.constantFrom(undefined, ['who', 'a b', 'time'])
  const tags = { topic: { topicLevel: 1 }, id: { json: 'who' }, x: { json: 'g.h' } }
  fc.assert(
    fc.property(members, only, (given, fields) => {
      const rules = { measurement: undefined, nested: 'ignore', valueField: 'v', tags } as const
      const lineOf = (payload: object) => {
        const out = new GrowingBuffer(1)
        const writer = new LineWriter(out, { ...rules, fields, rawField: undefined })
        const message = makeMessage(7, {
          topic: 't/1',
          payload: Buffer.from(JSON.stringify(payload)),
        })
        return [writer.write({ channel: 'c', logId: 'l' }, message), String(out.content())]
      }
      assert.deepEqual(lineOf(given), lineOf({ ...given, nested: [] }))
    }),
    { numRuns: 3_000 },
  )
})
