/** Rows: each is one line, and parses back to its message. */
import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { GrowingBuffer } from '../../src/destinations/rows/growing-buffer.ts'
import { contentTypeOf } from '../../src/destinations/rows/payload.ts'
import { RowWriter } from '../../src/destinations/rows/row-writer.ts'
import { makeMessage, packedMessage } from '../support/channels/batch-maker.ts'

const fragment = fc.constantFrom(
  ...['{', '}', '[', ']', ',', ':', '"', '\\', '\\u', 'd800', '00e9', '0', '1', '-', '+', '.'],
  ...['e', 'E', 'true', 'false', 'null', ' ', '\n', '\t', 'a', '/', '\u0000', 'é', '😀', '"a"'],
)
/** Text that is JSON often enough. */
const nearlyJson = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(''))
const payload = fc.oneof(
  fc.json().map((text) => Buffer.from(text)),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value, null, 2))),
  nearlyJson.map((text) => Buffer.from(text)),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
)
const messageId = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 128 })
const time = fc.integer({ min: 0, max: 4e12 })
const offset = fc.oneof(fc.nat(), fc.maxSafeNat())

/** Whether JSON.parse takes it; undefined where we are stricter on purpose. */
function isPlainJson(bytes: Buffer): boolean | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    if (!isUtf8(bytes)) return false
    return isStrict(value, 0) ? true : undefined
  } catch {
    return false
  }
}

function isStrict(value: unknown, depth: number): boolean {
  if (depth > 60) return false
  if (typeof value === 'string') return Buffer.from(value).toString() === value
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(
    ([name, member]) => isStrict(name, 0) && isStrict(member, depth + 1),
  )
}

test('a row parses back to the same message', () => {
  const writer = new RowWriter('site_1')
  const out = new GrowingBuffer(1)
  fc.assert(
    fc.property(payload, fc.string({ unit: 'grapheme' }), messageId, time, offset, (...given) => {
      const [payload, topic, messageId, receivedAt, offset] = given
      const message = makeMessage(offset, { payload, topic, messageId, receivedAt })
      const type = contentTypeOf(payload)
      const expected = {
        connector: 'site_1',
        channel: 'c',
        log_id: '0a1b2c3d',
        offset,
        arrival_time: new Date(receivedAt).toISOString(),
        topic,
        message_id: messageId,
        content_type: type,
        ...(type === 'application/json' && { payload: JSON.parse(payload.toString()) }),
        ...(type === 'text/plain' && { payload: payload.toString() }),
        ...(type === 'application/octet-stream' && { payload_base64: payload.toString('base64') }),
      }
      for (const one of [message, packedMessage(message)]) {
        out.clear()
        writer.write(out, { channel: 'c', logId: '0a1b2c3d' }, one)
        const line = out.content().toString()
        assert.doesNotMatch(line, /[\r\n]/)
        assert.deepEqual(JSON.parse(line), expected)
      }
      if (type === 'text/plain') assert.ok(isUtf8(payload))
    }),
    { numRuns: 5_000 },
  )
})

test('the content type is JSON for all that JSON.parse takes, and for nothing else', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        payload,
        nearlyJson.map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const isJson = contentTypeOf(bytes) === 'application/json'
        const expected = isPlainJson(bytes)
        if (expected !== undefined) assert.equal(isJson, expected)
      },
    ),
    { numRuns: 20_000 },
  )
})
