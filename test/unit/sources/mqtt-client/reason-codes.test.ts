import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  connectionFailure,
  reasonCodeOf,
} from '../../../../src/sources/mqtt-client/reason-codes.ts'

test('a refusal becomes the closest reason code', () => {
  assert.equal(reasonCodeOf({ error: 'QueueFull', message: '' }), 0x97)
  assert.equal(reasonCodeOf({ error: 'DuplicateMessageId', message: '' }), 0x83)
})

test('a failed connection says which broker, why and what to do', () => {
  const cause = Object.assign(new Error('Connection refused: Not authorized'), { code: 5 })
  const both = new AggregateError([new Error('connect ECONNREFUSED ::1'), new Error('no route')])

  assert.match(
    connectionFailure('mqtt://b', cause).message,
    /mqtt:\/\/b failed: .*Not authorized; check username and password/,
  )
  assert.match(connectionFailure('mqtt://b', both).message, /ECONNREFUSED ::1, no route/)
  assert.match(connectionFailure('mqtt://b', undefined).message, /closed the connection/)
  assert.equal(connectionFailure('mqtt://b', both).code, 'BrokerUnavailable')
})
