/** The response parser alone: any bytes in any pieces, and the same bytes in any other pieces. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ResponseParser } from '../../../../src/destinations/http-client/response-parser.ts'

const MAX_BODY_BYTES = 1_000

interface Reading {
  readonly status: number | undefined
  readonly fields: readonly string[] | undefined
  readonly body: string
  readonly isComplete: boolean
  readonly hasExcess: boolean
  readonly error: string | undefined
}

/** What is read of `bytes` when they come in pieces of these lengths, one after the other. */
function read(bytes: Buffer, lengths: readonly number[], parser = newParser()): Reading {
  let error: string | undefined
  try {
    let at = 0
    for (let piece = 0; at < bytes.length; piece++) {
      const end = Math.min(bytes.length, at + (lengths[piece % lengths.length] ?? bytes.length))
      // A buffer that is overwritten after each call, as the socket's is.
      const lent = Buffer.from(bytes.subarray(at, end))
      parser.take(lent)
      lent.fill('!')
      at = end
    }
    parser.end()
  } catch (thrown) {
    assert.ok(thrown instanceof Error)
    error = thrown.message
  }
  const { head, isComplete, hasExcess, body } = parser
  return {
    status: head?.status,
    fields: head?.fields,
    body: body.text(),
    isComplete,
    hasExcess,
    error,
  }
}

function newParser(): ResponseParser {
  return new ResponseParser(MAX_BODY_BYTES)
}

const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 })

/** Lines that mean something to a parser, right and wrong, in any order. */
const line = fc.constantFrom(
  'HTTP/1.1 200 OK',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 100 Continue',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 404',
  'HTTP/1.1 101 Switching',
  'content-length: 5',
  'Content-Length: 0',
  'content-length: 9999',
  'transfer-encoding: chunked',
  'connection: close',
  'x:',
  'no field',
  '',
  '0',
  '5',
  '5;extension=1',
  'ffffffff',
  'hello',
  '{}',
)
const responses = fc.oneof(
  fc.array(line, { maxLength: 12 }).map((lines) => Buffer.from(lines.join('\r\n'))),
  fc
    .tuple(fc.array(line, { maxLength: 12 }), fc.uint8Array({ maxLength: 30 }), fc.nat(200))
    .map(([lines, noise, at]) => {
      const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join('\r\n')}`)
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)])
    }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
)

test('any bytes are a response, the beginning of one, or an error', () => {
  fc.assert(
    fc.property(responses, pieces, (bytes, lengths) => {
      const reading = read(bytes, lengths)

      assert.ok(Buffer.byteLength(reading.body) <= 3 * MAX_BODY_BYTES)
      if (reading.error === undefined) {
        if (reading.isComplete) assert.ok((reading.status ?? 0) >= 200)
      } else {
        assert.match(reading.error, /^the answer is not valid HTTP\/1\.1: ./)
        assert.ok(reading.error.length < 500)
      }
    }),
    { numRuns: 5_000 },
  )
})

test('how the bytes are cut makes no difference', () => {
  fc.assert(
    fc.property(responses, pieces, (bytes, lengths) => {
      const whole = read(bytes, [bytes.length])
      const cut = read(bytes, lengths)

      if (whole.error === undefined) assert.deepEqual(cut, whole)
      else assert.notEqual(cut.error, undefined)
    }),
    { numRuns: 5_000 },
  )
})

const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/).map((name) => `x-${name}`)
const value = fc.stringMatching(/^(?:[!-~](?:[ -~]{0,20}[!-~])?)?$/)
const bodies = fc.uint8Array({ maxLength: MAX_BODY_BYTES }).map((bytes) => Buffer.from(bytes))

test('status, fields and body are read as written, by length and in chunks, one after another', () => {
  const parser = newParser()
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 599 }).filter((status) => status !== 204 && status !== 304),
      fc.array(fc.tuple(token, value), { maxLength: 8 }),
      bodies,
      fc.option(pieces),
      pieces,
      (status, fields, body, chunks, lengths) => {
        const framing = chunks === null ? `content-length: ${body.length}` : CHUNKED
        const head = [`HTTP/1.1 ${status} Any`, ...fields.map(([n, v]) => `${n}:  ${v} `), framing]
        const bytes = Buffer.concat([
          Buffer.from(`${head.join('\r\n')}\r\n\r\n`),
          chunks === null ? body : chunked(body, chunks),
        ])

        parser.reset()
        const reading = read(bytes, lengths, parser)

        const expected = [...fields.flat(), ...framing.split(': ')]
        assert.deepEqual(reading, {
          status,
          fields: expected,
          body: String(body),
          isComplete: true,
          hasExcess: false,
          error: undefined,
        })
      },
    ),
    { numRuns: 1_000 },
  )
})

const CHUNKED = 'transfer-encoding: chunked'

function chunked(body: Buffer, lengths: readonly number[]): Buffer {
  const parts: Buffer[] = []
  let at = 0
  for (let index = 0; at < body.length; index++) {
    const part = body.subarray(at, at + (lengths[index % lengths.length] ?? 1))
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
    at += part.length
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

test('a body that arrives in single bytes takes no more memory than its length allows', () => {
  const parser = new ResponseParser(1_048_576)
  const before = process.memoryUsage()

  parser.take(Buffer.from(`HTTP/1.1 200 OK\r\n\r\n`))
  const byte = Buffer.from('x')
  for (let i = 0; i < 3_000_000; i++) parser.take(byte)

  const after = process.memoryUsage()
  assert.equal(parser.body.isTooLong, true)
  assert.equal(parser.body.text().length, 1_048_576)
  assert.ok(after.arrayBuffers - before.arrayBuffers < 20_000_000)
})
