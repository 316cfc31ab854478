/** The bytes of frames, written and read. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { decodeFrame, encodeFrame, frameBytesAt } from '../../../../src/greengrass/ipc/frame.ts'
import {
  connectFrame,
  requestFrame,
  terminateFrame,
} from '../../../../src/greengrass/ipc/message.ts'
import { CONNECT, KNOWN_FRAMES, SUBSCRIBE, TERMINATE, TOKEN } from './known-frames.ts'

const VIOLATION = { name: 'IpcError', code: 'ProtocolViolation' }

/** A frame with these bytes as headers, whatever they are. */
function frameWith(headers: Uint8Array): Buffer {
  const frame = Buffer.concat([Buffer.alloc(12), headers, Buffer.alloc(4)])
  frame.writeUInt32BE(frame.length, 0)
  frame.writeUInt32BE(headers.length, 4)
  return sealed(frame)
}

/** Computes both checksums again. */
function sealed(frame: Buffer): Buffer {
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  frame.writeUInt32BE(crc32(frame.subarray(0, -4)), frame.length - 4)
  return frame
}

describe('frames of AWS’s client and of the nuclei', () => {
  for (const { title, bytes, headers, payload } of KNOWN_FRAMES) {
    test(`${title} is written byte for byte`, () => {
      assert.deepEqual(encodeFrame(headers, Buffer.from(payload)), bytes)
    })

    test(`${title} is read`, () => {
      const frame = decodeFrame(bytes)

      assert.deepEqual([...frame.headers], headers)
      assert.equal(frame.payload.toString(), payload)
      assert.equal(frameBytesAt(bytes, 0), bytes.length)
    })
  }

  test('a login, a request and the end of a stream are the bytes that AWS’s client sends', () => {
    assert.deepEqual(connectFrame({ authToken: TOKEN }), CONNECT.bytes)
    assert.deepEqual(requestFrame(1, 'SubscribeToTopic', SUBSCRIBE.payload), SUBSCRIBE.bytes)
    assert.deepEqual(terminateFrame(1), TERMINATE.bytes)
  })
})

describe('headers', () => {
  test('headers of the eight other types are skipped', () => {
    const skipped = Buffer.concat([
      Buffer.from([1, 97, 0, 1, 98, 1, 1, 99, 2, 9, 1, 100, 3, 9, 9]),
      Buffer.from([1, 101, 5, 1, 2, 3, 4, 5, 6, 7, 8]),
      Buffer.from([1, 102, 6, 0, 3, 1, 2, 3]),
      Buffer.from([1, 103, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
      Buffer.concat([Buffer.from([1, 104, 9]), Buffer.alloc(16)]),
    ])
    const known = Buffer.from([1, 110, 4, 255, 255, 255, 254, 1, 115, 7, 0, 2, 0x68, 0x69])

    const { headers } = decodeFrame(frameWith(Buffer.concat([skipped, known])))

    assert.deepEqual(
      [...headers],
      [
        ['n', -2],
        ['s', 'hi'],
      ],
    )
  })

  test('the last of two headers with one name counts', () => {
    const { headers } = decodeFrame(
      encodeFrame([
        ['operation', 'first'],
        ['operation', 'last'],
      ]),
    )

    assert.deepEqual([...headers], [['operation', 'last']])
  })

  test('a header of an unknown type, or one that is cut anywhere, is refused', () => {
    const whole = Buffer.from([1, 97, 4, 0, 0, 0, 1, 1, 98, 7, 0, 2, 0x68, 0x69])
    const ends = whole.length
    for (let end = 1; end < ends; end++) {
      if (end === 7) continue
      assert.throws(() => decodeFrame(frameWith(whole.subarray(0, end))), VIOLATION, `${end} bytes`)
    }
    assert.throws(() => decodeFrame(frameWith(Buffer.from([1, 97, 10, 0]))), VIOLATION)
    assert.throws(() => decodeFrame(frameWith(Buffer.from([1, 97, 255, 0]))), VIOLATION)
  })

  test('names from 1 to 127 bytes and values up to 32,767 bytes are written, others not', () => {
    const longest = [['n'.repeat(127), 'v'.repeat(32_767)]] as const

    assert.deepEqual([...decodeFrame(encodeFrame(longest)).headers], longest)
    assert.throws(() => encodeFrame([['', 1]]), RangeError)
    assert.throws(() => encodeFrame([['n'.repeat(128), 1]]), RangeError)
    assert.throws(() => encodeFrame([['n', 'v'.repeat(32_768)]]), RangeError)
  })

  test('whatever the bytes of the headers are, they are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (headers) => {
        try {
          decodeFrame(frameWith(headers))
        } catch (error) {
          assert.equal(error instanceof Error && error.name, 'IpcError')
        }
      }),
    )
  })

  test('any headers and payload come back as they were written', () => {
    const value = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.string())
    const name = fc.string({ minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(fc.dictionary(name, value), fc.uint8Array(), (headers, payload) => {
        const frame = decodeFrame(encodeFrame(Object.entries(headers), payload))

        assert.deepEqual([...frame.headers], Object.entries(headers))
        assert.deepEqual(new Uint8Array(frame.payload), payload)
      }),
    )
  })
})

describe('lengths and checksums', () => {
  test('a total of less than 16 bytes is refused, and headers that do not fit', () => {
    for (const [total, headers] of [
      [0, 0],
      [15, 0],
      [16, 1],
      [100, 85],
      [100, 0xffff_ffff],
    ] as const) {
      const prelude = Buffer.alloc(12)
      prelude.writeUInt32BE(total, 0)
      prelude.writeUInt32BE(headers, 4)
      prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)
      assert.throws(() => frameBytesAt(prelude, 0), VIOLATION, `${total}, ${headers}`)
    }
  })

  test('headers may fill the frame', () => {
    const frame = encodeFrame([['n', 1]])

    assert.equal(frame.readUInt32BE(4), frame.length - 16)
    assert.equal(decodeFrame(frame).payload.length, 0)
  })
})
