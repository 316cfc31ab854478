/** Which JSON texts `jsonb` keeps. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fitsJsonb } from '../../../../src/destinations/postgres/jsonb-fit.ts'

function fits(text: string): boolean {
  const bytes = Buffer.from(`..${text}..`)
  return fitsJsonb(bytes, 2, bytes.length - 2)
}

function members(count: number, last: string): string {
  const names = Array.from({ length: count }, (_, index) => `"k${index}":${index}`)
  return `{${[...names, last].join(',')}}`
}

describe('JSON that jsonb keeps', () => {
  for (const text of [
    '1',
    '"text"',
    '{}',
    '[]',
    '{"a":1,"b":2,"ab":3}',
    '{"a":{"a":1},"b":[{"a":1},{"a":2}]}',
    '[{"a":1},{"a":1}]',
    '["a","a"]',
    '{"a":"b","b":"a"}',
    '{"a":[1,"a","a"],"b":1}',
    '{"a\\"":1,"a":2}',
    '"\\\\u0000"',
    '{"a":"\\u0001"}',
    '-1.5e400',
    '{ "a" : 1 , "b" : 2 }',
    members(40, '"last":1'),
    '{"__proto__":1,"a":2}',
    '{"__proto__":1,"\\u0061":2}',
  ]) {
    test(`${text.slice(0, 50)} is kept`, () => assert.equal(fits(text), true))
  }
})

describe('JSON that jsonb would change', () => {
  for (const [text, why] of [
    ['{"a":1,"a":2}', 'a name is repeated'],
    ['[{"b":{"a":1,"c":2,"a":3}}]', 'a name is repeated further inside'],
    ['{"a":{"x":1},"b":1,"a":2}', 'a name is repeated after another object'],
    ['{"a":1,"\\u0061":2}', 'a name is repeated, written in another way'],
    [members(40, '"k3":1'), 'a name is repeated among many'],
    ['"\\u0000"', 'it has U+0000'],
    ['{"\\u0000":1}', 'a name has U+0000'],
    ['1e401', 'a number is too large'],
    ['[1e-99999999999999999999]', 'a number is too small'],
    [`0.${'1'.repeat(1_000)}`, 'a number is too long'],
  ] as const) {
    test(`${text.slice(0, 30)}: ${why}`, () => assert.equal(fits(text), false))
  }
})

test('what JSON.stringify writes is kept, unless it has U+0000', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      assert.equal(fits(text), !/(?<!\\)(\\\\)*\\u0000/.test(text))
    }),
  )
})
