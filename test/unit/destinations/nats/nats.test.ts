/** Headers, errors and positions of the destination `nats`. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { meaningOf } from '../../../../src/destinations/nats/failure.ts'
import { commonHeaders, headersOf, identityOf } from '../../../../src/destinations/nats/headers.ts'
import { LogState } from '../../../../src/destinations/nats/read-back.ts'
import { makeMessage } from '../../../support/channels/batch-maker.ts'

const origin = { connectorId: 'plant-1', channel: 'line', logId: '0a1b2c3d' }

test('whatever the topic and the id are, headers are lines of their own, and read back', () => {
  const numbers = fc.integer({ min: 0, max: 2 ** 50 })
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string(),
      numbers,
      numbers,
      numbers,
      (topic, messageId, offset, confirmedOffset, sequence) => {
        const confirmed = { offset: confirmedOffset, sequence }
        const message = makeMessage(offset, { topic, messageId })

        const headers = headersOf(message, origin, commonHeaders(origin, confirmed))

        assert.equal(headers.split('\r\n').length, 13)
        assert.match(headers, /^NATS\/1\.0\r\n.*\r\n\r\n$/s)
        const identity = { connectorId: 'plant-1', logId: '0a1b2c3d', offset, confirmed }
        assert.deepEqual(identityOf(headers), identity)
      },
    ),
  )
})

test('messages of the same offset in different channels have different ids', () => {
  const ids = ['a', 'b'].map((channel) => {
    return headersOf(makeMessage(0), { ...origin, channel }, '').split('\r\n')[1]
  })

  assert.notEqual(ids[0], ids[1])
})

test('a message of another program has no identity', () => {
  for (const headers of ['', 'NATS/1.0\r\n\r\n', 'NATS/1.0\r\noffset: 1\r\n\r\n']) {
    assert.equal(identityOf(headers), undefined)
  }
})

describe('errors of JetStream', () => {
  for (const [err_code, code] of [
    [10_054, 'ContentRefused'],
    [10_059, 'DestinationMissing'],
    [10_039, 'DestinationMissing'],
    [10_076, 'DestinationMissing'],
    [10_077, 'DestinationUnavailable'],
    [10_047, 'DestinationUnavailable'],
    [10_023, 'DestinationUnavailable'],
    [10_008, 'DestinationUnavailable'],
    [10_071, 'DestinationUnavailable'],
    [99_999, 'DestinationUnavailable'],
  ] as const) {
    test(`${err_code} is ${code}`, () => {
      assert.equal(meaningOf({ err_code, description: 'x' }).code, code)
    })
  }
})

describe('what is confirmed', () => {
  test('a batch that is stored whole confirms its end, with its highest sequence number', () => {
    const state = new LogState({ offset: 5, sequence: 40 })
    state.stored.set(5, 41).set(6, 44)

    state.confirm(7)

    assert.deepEqual(state.confirmed, { offset: 7, sequence: 44 })
    assert.equal(state.stored.size, 0)
  })

  test('while later messages are stored already, reading back begins before them', () => {
    const state = new LogState({ offset: 5, sequence: 40 })
    state.stored.set(8, 41).set(5, 42)

    state.confirm(6)

    assert.deepEqual(state.confirmed, { offset: 6, sequence: 40 })
    assert.deepEqual([...state.stored.keys()], [8])
  })
})
