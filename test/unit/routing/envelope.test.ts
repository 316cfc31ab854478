import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Envelope, readEnvelope } from '../../../src/routing/envelope.ts'

function read(payload: string | Buffer): Envelope {
  const inner = Buffer.isBuffer(payload) ? payload : Buffer.from(payload)
  const bytes = Buffer.concat([Buffer.from('{['), inner, Buffer.from('}]')])
  const envelope: Envelope = { fault: 'stale', message: 'stale', id: 'stale' }
  readEnvelope(bytes, 2, 2 + inner.length, envelope)
  return envelope
}

test('the specification’s example gives its message untouched, and its id', () => {
  const example = `{
    "request": {
        "message" : "{\\"temp\\":23.33}"
    },
    "id" : "req123"
}`

  assert.deepEqual(read(example), { fault: undefined, message: '{"temp":23.33}', id: 'req123' })
})

test('members the specification does not name are ignored', () => {
  const envelope = read('{"request":{"message":"m","x":1},"__proto__":{"id":"p"},"extra":[]}')

  assert.deepEqual(envelope, { fault: undefined, message: 'm', id: undefined })
})

test('text of any script, escapes and an empty message come through as they are', () => {
  for (const message of ['', 'ünï ☃ 😀', '\u0000\n"\\', '\ufffd', '\u2028']) {
    const envelope = read(JSON.stringify({ request: { message }, id: message }))

    assert.deepEqual(envelope, { fault: undefined, message, id: message })
  }
})

const FAULTS: readonly [payload: string | Buffer, fault: RegExp, id?: string][] = [
  ['', /expected JSON \{"request"/],
  ['{"request":', /expected JSON/],
  ['23.5', /expected an object.*got the number 23\.5/],
  ['null', /got null/],
  ['[{"request":{"message":"m"}}]', /got an array/],
  ['{"id":"a"}', /"request" is missing/, 'a'],
  ['{"request":"m","id":"a"}', /"request" must be an object; got the string "m"/, 'a'],
  ['{"request":[],"id":"a"}', /"request" must be an object; got an array/, 'a'],
  ['{"request":{},"id":"a"}', /"request\.message" is missing/, 'a'],
  ['{"request":{"message":{"temp":1}},"id":"a"}', /must be a string .*got an object/, 'a'],
  ['{"request":{"message":null},"id":"a"}', /must be a string .*got null/, 'a'],
  ['{"request":{"message":"m"},"id":7}', /"id" must be a string; got the number 7/],
  ['{"request":{"message":"m"},"id":null}', /"id" must be a string; got null/],
  [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /not valid UTF-8/],
  ['{"request":{"message":"\\ud800"},"id":"a"}', /"request\.message" .*surrogate/, 'a'],
  ['{"request":{"message":"m"},"id":"\\udc00"}', /"id" .*surrogate/, '\udc00'],
  ['['.repeat(100_000), /expected JSON/],
]

test('a payload that is not an envelope is refused, with what was expected and what came', () => {
  for (const [payload, fault, id] of FAULTS) {
    const envelope = read(payload)

    assert.match(envelope.fault ?? 'no fault', fault)
    assert.equal(envelope.id, id)
  }
})
