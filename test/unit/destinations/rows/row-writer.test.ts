import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { GrowingBuffer } from '../../../../src/destinations/rows/growing-buffer.ts'
import { MAX_DEPTH } from '../../../../src/destinations/rows/json-scan.ts'
import { contentTypeOf } from '../../../../src/destinations/rows/payload.ts'
import { RowWriter } from '../../../../src/destinations/rows/row-writer.ts'
import type { Message } from '../../../../src/message.ts'
import { makeMessage, packedMessage } from '../../../support/channels/batch-maker.ts'

const origin = { channel: 'temperature', logId: '0a1b2c3d' }

function rowOf(given: Partial<Message>, writer = new RowWriter('site-1')): string {
  const out = new GrowingBuffer()
  writer.write(out, origin, makeMessage(7, given))
  return String(out.content())
}

function rowOfPayload(payload: string | Buffer): Record<string, unknown> {
  return JSON.parse(rowOf({ payload: Buffer.from(payload) }))
}

describe('a row', () => {
  test('has the fields of a message in their order', () => {
    const row = rowOf({
      receivedAt: Date.UTC(2026, 0, 31, 12, 0, 0, 45),
      topic: 'plant/1/°C',
      messageId: 'a"b',
      payload: Buffer.from('{"t": 21.50}'),
    })

    assert.equal(
      row,
      '{"connector":"site-1","channel":"temperature","log_id":"0a1b2c3d","offset":7,' +
        '"arrival_time":"2026-01-31T12:00:00.045Z","topic":"plant/1/°C","message_id":"a\\"b",' +
        '"content_type":"application/json","payload":{"t": 21.50}}',
    )
  })

  test('keeps the text of JSON numbers that a double cannot hold', () => {
    assert.ok(
      rowOf({ payload: Buffer.from('12345678901234567890.10') }).includes(
        ':12345678901234567890.10}',
      ),
    )
  })

  test('puts JSON with line ends on one line', () => {
    const row = rowOf({ payload: Buffer.from('{\r\n  "a": [1,\n 2]\n}\n') })

    assert.doesNotMatch(row, /[\r\n]/)
    assert.deepEqual(JSON.parse(row).payload, { a: [1, 2] })
  })

  test('has text that is not JSON as a string', () => {
    const row = rowOfPayload('21.5 °C\n"\u0000\u007f')

    assert.equal(row['content_type'], 'text/plain')
    assert.equal(row['payload'], '21.5 °C\n"\u0000\u007f')
  })

  test('has an empty payload as an empty string', () => {
    assert.equal(rowOfPayload('')['payload'], '')
  })

  test('has other bytes in base64', () => {
    const row = rowOfPayload(Buffer.from([0xff, 0x00, 0x01]))

    assert.equal(row['content_type'], 'application/octet-stream')
    assert.equal(row['payload'], undefined)
    assert.equal(row['payload_base64'], '/wAB')
  })

  test('is the same for a message within a larger buffer', () => {
    for (const payload of ['{"t":1}', 'text', '\xff\x00']) {
      const message = makeMessage(7, { payload: Buffer.from(payload, 'latin1') })
      const [plain, packed] = [new GrowingBuffer(), new GrowingBuffer()]
      new RowWriter('c').write(plain, origin, message)
      new RowWriter('c').write(packed, origin, packedMessage(message))

      assert.deepEqual(packed.content(), plain.content())
    }
  })

  test('names the channel and log that each message comes from', () => {
    const writer = new RowWriter('c')
    const out = new GrowingBuffer()
    const origins = [origin, { ...origin, logId: 'ffffffff' }, { ...origin, channel: 'b' }, origin]
    for (const one of origins) {
      writer.write(out, one, makeMessage(0))
      out.writeAscii('\n')
    }

    const rows = String(out.content())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      rows.map((row) => ({ channel: row.channel, logId: row.log_id })),
      origins,
    )
  })

  test('does not lose what was written when its buffer grows', () => {
    const out = new GrowingBuffer(16)
    const writer = new RowWriter('c')
    for (let offset = 0; offset < 1_000; offset++) {
      writer.write(out, origin, makeMessage(offset))
      out.writeAscii('\n')
    }

    const rows = String(out.content())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      rows.map((row) => row.offset),
      Array.from({ length: 1_000 }, (_, offset) => offset),
    )
  })

  test('a cleared buffer lets go of memory beyond the maximum', () => {
    const out = new GrowingBuffer()
    out.reserve(1_000_000)
    out.clear(500_000)
    assert.ok(out.bytes.length < 500_000)
    assert.equal(out.length, 0)
  })

  test('has a time even if the clock was far from it', () => {
    for (const receivedAt of [0, -1, 1e20, Date.UTC(10_000, 0, 1)]) {
      const { arrival_time } = JSON.parse(rowOf({ receivedAt }))
      assert.equal(Date.parse(arrival_time), Math.min(receivedAt, 8.64e15))
    }
  })
})

describe('the content type', () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

  test('of JSON is application/json', () => {
    for (const text of [
      '0',
      ' -1.5e+3\t',
      '"\\u00e9é\\ud83d\\ude00"',
      'null',
      '[]',
      '{"a":{}}',
      nested(MAX_DEPTH),
    ]) {
      assert.equal(contentTypeOf(Buffer.from(text)), 'application/json', text)
    }
  })

  test('of text that only resembles JSON is text/plain', () => {
    for (const text of [
      '',
      ' ',
      '01',
      '1.',
      '.5',
      '+1',
      '1e',
      'NaN',
      'nul',
      "{'a':1}",
      '{"a":1,}',
      '[1,]',
      '{"a"}',
      '"',
      '"\n"',
      '"\\x"',
      '"\\u12g4"',
      '1 2',
      '\ufeff1',
      nested(MAX_DEPTH + 1),
    ]) {
      assert.equal(contentTypeOf(Buffer.from(text)), 'text/plain', text)
    }
  })

  test('of JSON with half a character is text/plain, since many readers refuse it', () => {
    for (const text of [
      '"\\ud800"',
      '"\\ud800\\u0041"',
      '"\\udc00\\ud800"',
      '"\\ud800x"',
      '["\\ud800',
    ]) {
      assert.equal(contentTypeOf(Buffer.from(text)), 'text/plain', text)
    }
  })

  test('of anything else is application/octet-stream', () => {
    for (const bytes of [[0xff], [0x22, 0xc3, 0x22], [0x7b, 0x22, 0x80, 0x22, 0x3a, 0x31, 0x7d]]) {
      assert.equal(contentTypeOf(Buffer.from(bytes)), 'application/octet-stream')
    }
    assert.equal(contentTypeOf(Buffer.alloc(1_000, 0xc3)), 'application/octet-stream')
  })

  test('is that of a part of the bytes, without a look at the rest', () => {
    const bytes = Buffer.from('"{"a":1}"')
    assert.equal(contentTypeOf(bytes, 1, 8), 'application/json')
    assert.equal(contentTypeOf(bytes, 1, 7), 'text/plain')
    assert.equal(contentTypeOf(bytes, 0, 2), 'text/plain')
  })
})
