/** JSON with exact integers, against `JSON.parse` and `JSON.stringify`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JsonWriter, parseJson } from '../../src/analytics/pipelines/json/exact-json.ts'

const LONG = '12345678901234567890'
const values = fc.jsonValue({ maxDepth: 4 })

test('text without long integers has the value that JSON.parse gives it', () => {
  fc.assert(
    fc.property(values, fc.string({ unit: 'binary' }), fc.boolean(), (value, name, isSpaced) => {
      // The digits in a string select the reader of long integers.
      const text = JSON.stringify([{ [name]: value }, LONG], null, isSpaced ? 2 : 0)

      const read = parseJson(Buffer.from(text))

      assert.ok(read !== undefined)
      const rounded = JSON.parse(new JsonWriter().text(read))
      assert.deepEqual(rounded, JSON.parse(Buffer.from(text).toString()))
    }),
    { numRuns: 2_000 },
  )
})

test('what was read is written as JSON.stringify writes it, and with all digits', () => {
  const writer = new JsonWriter()
  fc.assert(
    fc.property(values, fc.bigInt({ min: 2n ** 53n }), fc.boolean(), (value, integer, isFirst) => {
      const rest = JSON.stringify(JSON.parse(JSON.stringify(value)))
      const text = isFirst ? `[${integer},${rest}]` : `[${rest},-${integer}]`

      const read = parseJson(Buffer.from(text))

      assert.ok(read !== undefined)
      assert.equal(writer.text(read), text)
    }),
    { numRuns: 2_000 },
  )
})

test('bytes that are no JSON in UTF-8 have no value', () => {
  for (const text of ['', '{', `[${LONG}`, `{"a":${LONG},}`, `0${LONG}`, '"\n"', '\ufeff{}']) {
    assert.equal(parseJson(Buffer.from(text)), undefined, text)
  }
  assert.equal(parseJson(Buffer.from([0x22, 0xff, 0x22])), undefined)
})
