/** Headers, errors and positions of the destination `nats`. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { AcknowledgementReader } from '../../../../src/destinations/nats/acknowledgement.ts'
import { meaningOf } from '../../../../src/destinations/nats/failure.ts'
import { HeaderWriter, identityOf } from '../../../../src/destinations/nats/headers.ts'
import { LogState } from '../../../../src/destinations/nats/read-back.ts'
import type { Message } from '../../../../src/message.ts'
import { makeMessage, packedMessage } from '../../../support/channels/batch-maker.ts'

const origin = { connectorId: 'plant-1', channel: 'line', logId: '0a1b2c3d' }

function headersOf(message: Message, of = origin, confirmed = { offset: 0, sequence: 0 }): string {
  const writer = new HeaderWriter()
  writer.begin(of, confirmed)
  return writer.bytes.toString('utf8', 0, writer.write(message))
}

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

        const headers = headersOf(message, origin, confirmed)

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
    return headersOf(makeMessage(0), { ...origin, channel }).split('\r\n')[1]
  })

  assert.notEqual(ids[0], ids[1])
})

test('headers of messages follow each other, and packed ids are written as others are', () => {
  const messages = ['plain', '100%', '{"a":"b"}'].map((messageId, offset) => {
    return makeMessage(offset, { messageId, senderId: messageId, topic: `größe\n${offset}` })
  })
  const writer = new HeaderWriter()
  writer.begin(origin, { offset: 0, sequence: 0 })
  let start = 0
  for (const message of messages) {
    const stop = writer.write(packedMessage(message))
    assert.equal(writer.bytes.toString('utf8', start, stop), headersOf(message))
    start = stop
  }
  assert.match(headersOf(messages[1] ?? makeMessage(0)), /topic: größe%0A1\r\nmessage_id: 100%25\r/)
})

test('an answer to a message means what its JSON says, whatever came before', () => {
  const reader = new AcknowledgementReader()
  const texts = [
    '{"stream":"a", "seq":1}',
    '{"stream":"a", "seq":20}',
    '{"stream":"a", "seq":999999999999999}',
    '{"stream":"a", "seq":9007199254740991}',
    '{"stream":"a", "seq":21, "duplicate":true}',
    '{"stream":"b", "seq":3}',
    '{"stream":"b","domain":"d","seq":4}',
    '{"stream":"b","domain":"d","seq":50}',
    '{"error":{"code":503,"err_code":10077,"description":"full"},"stream":"b","seq":0}',
    '{"error":{"code":503,"err_code":10077,"description":"full"},"stream":"b","seq":1}',
    '{"stream":"b","domain":"d","seq":0}',
  ]
  for (const text of [...texts, ...texts]) {
    const { seq, stream, error } = JSON.parse(text)
    const found = reader.read(Buffer.from(text))
    assert.deepEqual([found.seq, found.stream, found.error], [seq, stream, error], text)
  }
  assert.throws(() => reader.read(Buffer.from('{"stream":"b","domain":"d","seq":}')))
  assert.throws(() => reader.read(Buffer.from('{"stream":"b","domain":"d","seq":1')))
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
