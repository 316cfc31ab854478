/** The bytes of requests: what JSON and the AWS SDK's signer would make of the same messages. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { endpointAt } from '../../../../src/destinations/iot-analytics/endpoint.ts'
import { RequestWriter } from '../../../../src/destinations/iot-analytics/request.ts'
import { maxBodyBytes, writeBody } from '../../../../src/destinations/iot-analytics/request-body.ts'
import { RequestBuffers } from '../../../../src/destinations/iot-analytics/request-buffers.ts'
import { RequestSigner } from '../../../../src/destinations/iot-analytics/signing.ts'
import {
  batchOf,
  makeBatch,
  makeMessage,
  packedMessage,
} from '../../../support/channels/batch-maker.ts'
import { FAKE_IDENTITY } from '../../../support/destinations/fake-iot-analytics.ts'
import { signatureProblem } from '../../../support/destinations/fake-signature-check.ts'

const AT_MS = Date.parse('2026-03-01T12:00:00Z')
const REGION = 'us-west-2'

const ascii = fc.string({
  unit: fc.integer({ min: 0, max: 127 }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 128,
})
const anyText = fc.string({ unit: 'binary', maxLength: 40 })
const payloads = fc
  .oneof(fc.uint8Array({ maxLength: 10 }), fc.uint8Array({ maxLength: 400, size: 'max' }))
  .map((bytes) => Buffer.from(bytes))
const batches = fc.record({
  logId: fc.constant('0a1b2c3d'),
  channel: fc.oneof(fc.stringMatching(/^[a-zA-Z0-9_]{1,128}$/), anyText),
  messages: fc.array(
    fc
      .record({ messageId: fc.oneof(ascii, anyText), payload: payloads, isPacked: fc.boolean() })
      .map(({ isPacked, ...given }) => {
        const message = makeMessage(0, given)
        return isPacked ? packedMessage(message) : message
      }),
    { minLength: 1, maxLength: 30 },
  ),
})

describe('bodies', () => {
  test('mean what JSON means, for any channel, id and payload, and are ASCII', () => {
    fc.assert(
      fc.property(batches, fc.nat(50), (batch, at) => {
        const max = maxBodyBytes(batch)
        const target = Buffer.alloc(at + max + 10, '!')

        const end = writeBody(batch, target, at)

        assert.ok(end - at <= max)
        assert.equal(target.toString('latin1', 0, at), '!'.repeat(at))
        assert.equal(target.toString('latin1', end), '!'.repeat(target.length - end))
        const body = target.toString('latin1', at, end)
        assert.match(body, /^[\x20-\x7e]*$/)
        assert.deepEqual(JSON.parse(body), {
          channelName: batch.channel,
          messages: batch.messages.map(({ messageId, payload }) => ({
            messageId,
            payload: payload.toString('base64'),
          })),
        })
      }),
      { numRuns: 1_000 },
    )
  })

  test('are what JSON.stringify writes, where ids are printable', () => {
    const batch = makeBatch('plain', 100)
    const target = Buffer.alloc(maxBodyBytes(batch))

    const body = target.toString('latin1', 0, writeBody(batch, target, 0))

    const messages = batch.messages.map(({ messageId, payload }) => {
      return { messageId, payload: payload.toString('base64') }
    })
    assert.equal(body, JSON.stringify({ channelName: 'plain', messages }))
  })

  test('hold payloads of every length around the switch to native base64', () => {
    for (let length = 0; length < 400; length++) {
      const payload = Buffer.from(Array.from({ length }, (_, index) => (index * 7 + length) % 256))
      const message = makeMessage(0, { payload })
      const batch = batchOf('c', [message, packedMessage(message)])
      const target = Buffer.alloc(maxBodyBytes(batch))
      const body = target.toString('latin1', 0, writeBody(batch, target, 0))

      const expected = payload.toString('base64')
      const [plain, packed] = JSON.parse(body).messages
      assert.deepEqual([plain.payload, packed.payload], [expected, expected])
    }
  })
})

describe('requests', () => {
  const tokens = fc.option(fc.stringMatching(/^[A-Za-z0-9+/=]{1,4000}$/), { nil: undefined })
  /** The other headers are compared with the SDK's signer. */
  const paths = fc.stringMatching(/^(\/[a-zA-Z0-9._~-]{1,20}){0,4}$/).filter(isNormal)
  const times = fc.integer({ min: 0, max: Date.parse('2199-12-31') })

  test('are signed as a service checks it, whatever the batch, token, path and time', () => {
    fc.assert(
      fc.property(batches, tokens, paths, times, (batch, token, path, atMs) => {
        const identity = {
          ...FAKE_IDENTITY,
          ...(token === undefined ? {} : { sessionToken: token }),
        }
        const endpoint = endpointAt(`https://iot.example:8443${path}`)
        const writer = new RequestWriter(endpoint, new RequestSigner(REGION, endpoint))

        const request = writer.write({ ...attempt, batch, identity, atMs })

        const arrived = parsed(request.bytes)
        const { body, headers } = arrived
        const now = { identity, region: REGION, nowMs: atMs }
        assert.equal(signatureProblem(arrived, now), undefined)
        assert.equal(headers['content-length'], String(body.length))
        assert.equal(headers['host'], 'iot.example:8443')
        assert.equal(headers['x-amz-content-sha256'], sha256(body))
        assert.equal(arrived.path, endpoint.path)
      }),
      { numRuns: 500 },
    )
  })

  test('without an identity carry no signature', () => {
    const { writer } = writerTo('http://iot.example')

    const request = writer.write({
      ...attempt,
      batch: makeBatch('c', 1),
      identity: undefined,
      atMs: 0,
    })

    assert.deepEqual(Object.keys(parsed(request.bytes).headers).sort(), [
      'amz-sdk-invocation-id',
      'amz-sdk-request',
      'connection',
      'content-length',
      'content-type',
      'host',
    ])
  })

  test('are never made with an identity that could end a header', () => {
    const { writer } = writerTo('http://iot.example')
    for (const sessionToken of ['a\r\nhost: other', 'a\nb', 'a\0b', 'é€']) {
      const identity = { ...FAKE_IDENTITY, sessionToken }
      const content = { ...attempt, batch: makeBatch('c', 1), identity, atMs: 0 }

      assert.throws(() => writer.write(content), /characters that no header can hold/)
    }
  })

  test('are written over one another once released, and not before', () => {
    const { writer } = writerTo('http://iot.example')
    const write = (channel: string) =>
      writer.write({
        ...attempt,
        batch: makeBatch(channel, 3),
        identity: FAKE_IDENTITY,
        atMs: AT_MS,
      })
    const [first, second] = [write('first'), write('second')]
    assert.notEqual(first.bytes.buffer, second.bytes.buffer)

    first.release()
    const third = write('third')

    assert.equal(third.bytes.buffer, first.bytes.buffer)
    assert.match(String(second.bytes), /"channelName":"second"/)
  })
})

test('only a few buffers of usual size are kept', () => {
  const buffers = new RequestBuffers()
  const taken = Array.from({ length: 10 }, () => buffers.take(700_000))
  for (const buffer of taken) buffers.give(buffer)
  const large = buffers.take(5_000_000)
  buffers.give(large)

  const again = Array.from({ length: 10 }, () => buffers.take(700_000))

  assert.ok(large.length >= 5_000_000)
  assert.ok(again.filter((buffer) => taken.includes(buffer)).length <= 4)
  assert.ok(!again.includes(large))
})

const attempt = { invocationId: 'f0e1', progress: 'attempt=1; max=3' }

/** Without segments that a URL resolves. */
function isNormal(path: string): boolean {
  return new URL(path, 'http://host').pathname === path || path === ''
}

function writerTo(url: string) {
  const endpoint = endpointAt(url)
  return { writer: new RequestWriter(endpoint, new RequestSigner(REGION, endpoint)) }
}

/** A request as a server sees it. */
function parsed(bytes: Buffer) {
  const end = bytes.indexOf('\r\n\r\n')
  const [opening = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const [method = '', path = '', version] = opening.split(' ')
  assert.equal(version, 'HTTP/1.1')
  const rawHeaders = lines.flatMap((line) => {
    const at = line.indexOf(': ')
    return [line.slice(0, at), line.slice(at + 2)]
  })
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) headers[rawHeaders[i]!] = rawHeaders[i + 1]!
  return { method, path, rawHeaders, headers, body: bytes.subarray(end + 4) }
}

function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}
