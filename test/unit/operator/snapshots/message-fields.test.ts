import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldList } from '../../../../src/http/api/shapes/channels.ts'
import { MessageFields } from '../../../../src/operator/snapshots/message-fields.ts'

function fieldsOf(...payloads: (string | Buffer)[]) {
  const fields = new MessageFields()
  for (const payload of payloads) fields.add(Buffer.from(payload))
  return fieldList.parse(fields.list)
}

test('fields have their path, types, range and examples', () => {
  const { messages, fields } = fieldsOf(
    '{"motor":{"temp":23.5},"state":"run","on":true}',
    '{"motor":{"temp":-1},"state":null,"readings":[1,2]}',
  )
  const byPath = new Map(fields.map((field) => [field.path, field]))

  assert.equal(messages, 2)
  assert.deepEqual(byPath.get('motor.temp'), {
    path: 'motor.temp',
    types: ['number'],
    present: 2,
    min: -1,
    max: 23.5,
    examples: ['23.5', '-1'],
  })
  assert.deepEqual(byPath.get('state')?.types, ['text', 'null'])
  assert.equal(byPath.get('readings[1]')?.max, 2)
  assert.equal(byPath.get('on')?.present, 1)
})

test('what is no JSON counts as a message without fields', () => {
  const { messages, fields } = fieldsOf('hello', Buffer.from([0xff, 0xfe]), '{"a":', '7')

  assert.deepEqual([messages, fields], [4, []])
})

test('payloads that are deep, wide or named after prototypes cost bounded room', () => {
  const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`
  const wide = JSON.stringify(
    Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, i])),
  )
  const long = JSON.stringify({ ['x'.repeat(10_000)]: 'y'.repeat(10_000) })

  const { fields } = fieldsOf('{"__proto__":{"x":1},"constructor":2}', long, deep, wide)

  assert.ok(fields.some(({ path }) => path === '__proto__.x'))
  assert.equal(fields.length, 200)
  assert.ok(fields.every(({ path }) => path.length <= 256))
  assert.ok(fields.flatMap(({ examples }) => examples).every((text) => text.length < 100))
})
