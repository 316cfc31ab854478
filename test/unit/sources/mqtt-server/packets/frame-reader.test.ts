/** Cuts a stream of bytes into packets, however it arrives, within its bound. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type FrameHandler,
  FrameReader,
} from '../../../../../src/sources/mqtt-server/packets/frame-reader.ts'
import { ReasonCode } from '../../../../../src/sources/mqtt-server/packets/protocol.ts'
import { frame } from '../../../../support/mqtt/mqtt-wire.ts'

test('frames are the same however the stream is cut', () => {
  const body = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
  const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 50 })
  fc.assert(
    fc.property(fc.array(body, { maxLength: 20 }), cuts, (bodies, sizes) => {
      const stream = Buffer.concat(bodies.map((bytes) => frame(0x30, bytes)))
      const got: string[] = []
      const handler: FrameHandler = {
        frame(first, bytes, start, end) {
          got.push(`${first} ${bytes.subarray(start, end).toString('hex')}`)
          return true
        },
      }
      const reader = new FrameReader(handler, 1_000)
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] ?? 1
        reader.push(Buffer.from(stream.subarray(at, at + size)))
        at += size
      }
      assert.deepEqual(
        got,
        bodies.map((bytes) => `48 ${bytes.toString('hex')}`),
      )
    }),
  )
})

test('a packet longer than the bound is refused as soon as its length is known', () => {
  const got: number[] = []
  const reader = new FrameReader({ frame: (first) => got.push(first) > 0 }, 100)
  const longest = frame(0x30, Buffer.alloc(98))

  reader.push(longest)
  assert.throws(() => reader.push(Buffer.from([0x30, 99])), {
    reasonCode: ReasonCode.packetTooLarge,
  })
  assert.deepEqual(got, [0x30])
})

test('a packet of type 0 and a length of five bytes are no MQTT', () => {
  const reader = () => new FrameReader({ frame: () => true }, 1_000)

  assert.throws(() => reader().push(Buffer.from([0x00, 0x00])), {
    reasonCode: ReasonCode.protocolError,
  })
  assert.throws(() => reader().push(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80])), {
    reasonCode: ReasonCode.malformedPacket,
  })
})

test('after a handler has had enough, further packets are not read', () => {
  let count = 0
  const reader = new FrameReader({ frame: () => ++count < 2 }, 1_000)
  const packet = frame(0xc0)

  reader.push(Buffer.concat([packet, packet, packet]))
  reader.push(packet)

  assert.equal(count, 2)
})
