import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FieldSelection } from '../../../src/delivery/batches/field-selection.ts'
import { makeMessage } from '../../support/channels/batch-maker.ts'

function selected(paths: readonly string[], payload: string): string {
  const message = makeMessage(3, { payload: Buffer.from(payload) })
  return String(FieldSelection.of(paths)?.apply(message).payload)
}

for (const [paths, payload, expected] of [
  [['temp'], '{"temp": 23.50, "noise": [1,2]}', '{"temp":23.50}'],
  [['motor.speed'], '{"motor":{"speed":1e400,"id":7},"x":1}', '{"motor":{"speed":1e400}}'],
  [['motor', 'motor.speed'], '{"motor":{"speed":1,"id":7}}', '{"motor":{"speed":1,"id":7}}'],
  [['motor.speed'], '{"motor":5}', '{}'],
  [['a'], '{"b":1}', '{}'],
  [['ä'], '{"\\u00e4":"\\u0000"}', '{"\\u00e4":"\\u0000"}'],
  [['n'], '{"n":123456789012345678901234567890}', '{"n":123456789012345678901234567890}'],
  [['a'], '{"a":1,"a":2}', '{"a":1,"a":2}'],
  [['a'], '[{"a":1}]', '[{"a":1}]'],
  [['a'], 'not JSON', 'not JSON'],
  [['a'], '{"a":1', '{"a":1'],
] as const) {
  test(`of ${payload} the fields ${paths.join(', ')} are ${expected}`, () => {
    assert.equal(selected(paths, payload), expected)
  })
}

test('everything else of a message stays: offset, topic, ids and time', () => {
  const message = makeMessage(3, { payload: Buffer.from('{"a":1,"b":2}') })

  const { payload, packed, ...rest } = FieldSelection.of(['a'])!.apply(message)

  assert.equal(String(payload), '{"a":1}')
  assert.equal(packed, undefined)
  const { offset, receivedAt, topic, senderId, messageId, reply } = message
  assert.deepEqual(rest, { offset, receivedAt, topic, senderId, messageId, reply })
})

test('what is selected is JSON, with the values that the payload has', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-d]$/), fc.jsonValue()), (given) => {
      const text = JSON.stringify(given)
      const expected = Object.fromEntries(
        Object.entries(JSON.parse(text)).filter(([name]) => name === 'a' || name === 'c'),
      )

      assert.deepEqual(JSON.parse(selected(['a', 'c'], text)), expected)
    }),
  )
})
