/** Plain objects: what the fast way takes for JSON is JSON, and its parts are where it says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fitsJsonb } from '../../src/destinations/postgres/jsonb-fit.ts'
import { isJson } from '../../src/destinations/rows/json-scan.ts'
import { PlainObject } from '../../src/destinations/rows/plain-object.ts'

const fragment = fc.constantFrom(
  ...[
    '{',
    '}',
    '{"a":',
    '"b":',
    ',"c":',
    '"d"',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\n',
    '0',
    '1',
    '-',
    '.',
  ],
  ...[
    'e5',
    'E',
    'true',
    'false',
    'null',
    ' ',
    '\n',
    '\t',
    'x',
    '\u0001',
    '\u007f',
    'é',
    '12.5',
    '-0',
  ],
)
const nearlyPlain = fc.array(fragment, { maxLength: 12 }).map((parts) => `{"a":${parts.join('')}`)
const name = fc.string({ unit: 'grapheme-ascii', maxLength: 12 })
const value = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 12 }),
  fc.integer(),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.boolean(),
  fc.constant(null),
)
const flat = fc.dictionary(name, value, { maxKeys: 40 })
const spaces = fc.constantFrom(0, 1, '\t')
const text = fc.oneof(
  nearlyPlain,
  fc.tuple(flat, spaces).map(([object, space]) => JSON.stringify(object, null, space)),
  fc.json(),
)

/** The members as JSON.parse has them; undefined if the scan says no. */
function membersIn(plain: PlainObject, bytes: Buffer, start: number, stop: number) {
  if (!plain.scan(bytes, start, stop)) return undefined
  return Array.from({ length: plain.count }, (_, i) => {
    const name = bytes.toString('utf8', plain.nameStarts[i], plain.nameStops[i])
    const value = bytes.toString('utf8', plain.valueStarts[i], plain.valueStops[i])
    return [name, JSON.parse(value)]
  })
}

test('a plain object is JSON that jsonb keeps, with the members that JSON.parse finds', () => {
  const plain = new PlainObject()
  let count = 0
  fc.assert(
    fc.property(text, fc.nat(3), (text, around) => {
      const bytes = Buffer.from(`${'"'.repeat(around)}${text}${'}'.repeat(around)}`)
      const stop = bytes.length - around
      const members = membersIn(plain, bytes, around, stop)
      if (members === undefined) return
      count++
      assert.ok(isJson(bytes, around, stop))
      assert.ok(fitsJsonb(bytes, around, stop))
      const expected: [string, unknown][] = []
      JSON.parse(text, (name, value: unknown) => {
        if (name !== '' || typeof value !== 'object' || value === null) expected.push([name, value])
        return value
      })
      assert.deepEqual(new Map(members as [string, unknown][]), new Map(expected))
      assert.equal(members.length, expected.length)
    }),
    { numRuns: 5_000 },
  )
  assert.ok(count > 500, `only ${count} of the texts were plain`)
})

test('what devices usually send is plain', () => {
  const plain = new PlainObject()
  const texts = [
    '{}',
    ' { "device" : "d7" ,\r\n "celsius" : -21.5, "isOpen":false, "error":null, "": 0 } ',
    '{"device":"d7","celsius":21.5,"isOpen":true}',
  ]
  for (const text of texts) {
    const bytes = Buffer.from(text)
    assert.ok(plain.scan(bytes, 0, bytes.length), text)
  }
})

test('what needs a closer look is not plain', () => {
  const plain = new PlainObject()
  const texts = [
    ...['', '{', '[]', '21', '{"a":1', '{"a":1}}', '{"a":1}{}', '{"a"1}', '{a:1}', '{"a":}'],
    ...['{"a":1,}', '{,"a":1}', '{"a":01}', '{"a":-}', '{"a":1.}', '{"a":.5}', '{"a":tru}'],
    ...['{"a":1e5}', '{"a":1,"a":2}', '{"a":[1]}', '{"a":{}}', '{"a":"é"}', '{"a":"\\n"}'],
    ...['{"\\u0061":1}', '{"a":"\n"}', `{"a":${'1'.repeat(101)}}`],
    `{${Array.from({ length: 33 }, (_, i) => `"${i}":0`).join()}}`,
  ]
  for (const text of texts) {
    const bytes = Buffer.from(text)
    assert.equal(plain.scan(bytes, 0, bytes.length), false, text)
  }
})
