import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyChooser } from '../../../../src/destinations/kafka/protocol/keys.ts'
import { makeMessage } from '../../../support/channels/batch-maker.ts'

const message = makeMessage(0, {
  topic: 'plant/line-4/press',
  payload: Buffer.from('{"device":{"id":"d-1","slot":7,"on":true,"a":null},"__proto__":{"x":1}}'),
})

function keyOf(rule: ConstructorParameters<typeof KeyChooser>[0], of = message) {
  const key = new KeyChooser(rule).keyOf(of)
  return key === undefined ? undefined : String(key.bytes)
}

test('the key is the topic, a level of it, a member of the payload, or none', () => {
  assert.equal(keyOf('topic'), 'plant/line-4/press')
  assert.equal(keyOf({ topicLevel: 2 }), 'line-4')
  assert.equal(keyOf({ field: 'device.id' }), 'd-1')
  assert.equal(keyOf({ field: 'device.slot' }), '7')
  assert.equal(keyOf('none'), undefined)
})

test('without the level or the member, the key is the topic', () => {
  for (const rule of [
    { topicLevel: 4 },
    { field: 'device.name' },
    { field: 'device.on' },
    { field: 'device.a' },
    { field: 'device' },
    { field: 'toString' },
    { field: 'device.id.length' },
  ]) {
    assert.equal(keyOf(rule), message.topic, JSON.stringify(rule))
  }
  assert.equal(keyOf({ topicLevel: 1 }, makeMessage(0, { topic: '/a' })), '/a')
  assert.equal(keyOf({ field: 'a' }, makeMessage(0, { payload: Buffer.from('no JSON') })), 'test')
})

test('many different keys are all right, and are not all kept', () => {
  const chooser = new KeyChooser('topic')
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 25_000; i++) {
      const key = chooser.keyOf(makeMessage(0, { topic: `t/${i}` }))
      assert.equal(String(key?.bytes), `t/${i}`)
    }
  }
})
