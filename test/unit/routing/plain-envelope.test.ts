import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Envelope, readEnvelope } from '../../../src/routing/envelope.ts'
import { PlainEnvelope } from '../../../src/routing/plain-envelope.ts'

interface Read {
  readonly message: string
  readonly id: string | undefined
}

/** The result of the scanner; undefined if it leaves the envelope to the parser. */
function scanned(bytes: Buffer): Read | undefined {
  const around = Buffer.concat([Buffer.from('"}{'), bytes, Buffer.from('"}\\')])
  const plain = new PlainEnvelope()
  if (!plain.read(around, 3, 3 + bytes.length)) return undefined
  return { message: plain.bytes.toString('latin1', plain.start, plain.end), id: plain.id }
}

/** The result of the parser; undefined if the envelope is not valid. */
function parsed(bytes: Buffer): Read | undefined {
  const envelope: Envelope = { fault: undefined, message: '', id: undefined }
  readEnvelope(bytes, 0, bytes.length, envelope)
  if (envelope.fault !== undefined) return undefined
  return { message: Buffer.from(envelope.message).toString('latin1'), id: envelope.id }
}

test('envelopes of common senders are read without a parser', () => {
  const texts = [
    '{"request":{"message":"{\\"temp\\":23.33}"},"id":"req123"}',
    '{"request":{"message":"plain"}}',
    '{"id": "req123", "request": {"message": "21 °C, \\\\ \\/ \\b\\f\\n\\r\\t"}}',
    '{\r\n\t"request" : { "message" : "" } , "id" : ""\n}\n',
  ]

  for (const text of texts) {
    const bytes = Buffer.from(text)
    assert.notEqual(scanned(bytes), undefined, text)
    assert.deepEqual(scanned(bytes), parsed(bytes), text)
  }
})

test('unusual envelopes, valid or not, are left to the parser', () => {
  const texts = [
    '{"request":{"message":"\\u00e9"}}',
    '{"request":{"message":"a"},"id":"\\n"}',
    '{"request":{"message":"a","more":1}}',
    '{"request":{"message":"a"},"request":{"message":"b"}}',
    '{"request":{"message":"a"},"id":"1","id":"2"}',
    '{"request":{"message":"a"},"id":1}',
    '{"request":{"message":"a"}} x',
    '{"request":{"message":"a"},}',
    '{"request":{"message":"tab\there"}}',
    '{"request":{"message":"a\\',
    '{"request":{"message":"a\\"',
    '{"id":"1"}',
    '',
  ]

  for (const text of texts) assert.equal(scanned(Buffer.from(text)), undefined, text)
  assert.equal(scanned(Buffer.from('{"request":{"message":"\xff"}}', 'latin1')), undefined)
  assert.equal(scanned(Buffer.from(`{"request":{"message":"${'x'.repeat(3000)}"}}`)), undefined)
})

test('no envelope is taken that the parser refuses or reads differently', () => {
  const space = fc.constantFrom('', '', ' ', '\n\t')
  const text = fc.string({ unit: 'grapheme', maxLength: 20 })
  const envelope = fc
    .tuple(fc.oneof(text, fc.json({ maxDepth: 1 })), fc.option(text), fc.boolean(), space)
    .map(([message, id, isIdFirst, gap]) => {
      const members = [`"request":${gap}{${gap}"message":${JSON.stringify(message)}${gap}}`]
      const member = `"id"${gap}:${JSON.stringify(id)}`
      if (id !== null) members.splice(isIdFirst ? 0 : 1, 0, member)
      return Buffer.from(`{${members.join(`${gap},`)}}${gap}`)
    })
  const byte = fc.oneof(fc.constantFrom(...Buffer.from('"\\{},:u/\n')), fc.nat(255))
  const damage = fc.array(fc.tuple(fc.nat(), byte, fc.boolean()), { maxLength: 3 })

  fc.assert(
    fc.property(envelope, damage, (whole, changes) => {
      let bytes = whole
      for (const [place, value, isInserted] of changes) {
        const at = place % (bytes.length + 1)
        const rest = bytes.subarray(isInserted ? at : at + 1)
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([value]), rest])
      }
      const read = scanned(bytes)
      if (read !== undefined) assert.deepEqual(read, parsed(bytes))
    }),
    { numRuns: 5000 },
  )
})
