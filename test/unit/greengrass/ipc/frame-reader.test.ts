/** A stream of bytes, cut into frames: whole, in pieces, damaged and too long. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeFrame, type HeaderValue } from '../../../../src/greengrass/ipc/frame.ts'
import { FrameReader } from '../../../../src/greengrass/ipc/frame-reader.ts'
import { KNOWN_FRAMES, SUBSCRIBED } from './known-frames.ts'

const MAX_BYTES = 300
const VIOLATION = { name: 'IpcError', code: 'ProtocolViolation' }

interface Read {
  readonly headers: readonly (readonly [string, HeaderValue])[]
  readonly payload: string
}

/** Reads the chunks, and remembers what comes of them. */
function readingReader(maxBytes = MAX_BYTES) {
  const frames: Read[] = []
  const skipped: number[] = []
  const reader = new FrameReader(
    {
      frame: ({ headers, payload }) =>
        frames.push({ headers: [...headers], payload: payload.toString('latin1') }),
      skipped: (bytes) => skipped.push(bytes),
    },
    maxBytes,
  )
  return { reader, frames, skipped }
}

/** The bytes, cut at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % bytes.length).sort((a, b) => a - b)]
  return sorted.map((start, index) => bytes.subarray(start, sorted[index + 1] ?? bytes.length))
}

const frame = fc
  .record({
    headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.string({ maxLength: 8 }), {
      maxKeys: 3,
    }),
    // Around the bound, where a frame is skipped.
    payload: fc.uint8Array({ maxLength: MAX_BYTES }).map((bytes) => Buffer.from(bytes)),
  })
  .map(({ headers, payload }) => {
    const bytes = encodeFrame(Object.entries(headers), payload)
    return {
      bytes,
      read: { headers: Object.entries(headers), payload: payload.toString('latin1') },
    }
  })

test('frames come out alike, wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (sent, places) => {
        const { reader, frames, skipped } = readingReader()

        for (const chunk of cut(Buffer.concat(sent.map(({ bytes }) => bytes)), places)) {
          reader.push(chunk)
        }

        const fits = sent.filter(({ bytes }) => bytes.length <= MAX_BYTES)
        assert.deepEqual(
          frames,
          fits.map(({ read }) => read),
        )
        const long = sent.map(({ bytes }) => bytes.length).filter((length) => length > MAX_BYTES)
        assert.deepEqual(skipped, long)
        assert.equal(reader.isWithinFrame, false)
      },
    ),
  )
})

test('the known frames are read at every split in two, and byte by byte', () => {
  const stream = Buffer.concat(KNOWN_FRAMES.map(({ bytes }) => bytes))
  const expected = KNOWN_FRAMES.map(({ headers, payload }) => ({ headers, payload }))
  const read = (chunks: readonly Buffer[]) => {
    const { reader, frames } = readingReader()
    for (const chunk of chunks) reader.push(chunk)
    return frames
  }

  for (let at = 0; at <= stream.length; at++) {
    assert.deepEqual(read([stream.subarray(0, at), stream.subarray(at)]), expected)
  }
  assert.deepEqual(read([...stream].map((byte) => Buffer.of(byte))), expected)
})

test('a frame of the greatest length is read, and one with a byte more is skipped', () => {
  const { reader, frames, skipped } = readingReader(100)

  reader.push(encodeFrame([], Buffer.alloc(84)))
  reader.push(encodeFrame([], Buffer.alloc(85)))
  reader.push(encodeFrame([], Buffer.from('next')))

  assert.deepEqual(
    frames.map(({ payload }) => payload.length),
    [84, 4],
  )
  assert.deepEqual(skipped, [101])
})

test('a bit that is wrong, anywhere, is an error and never another frame', () => {
  for (const { bytes } of KNOWN_FRAMES) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const whole = readingReader()
      const halves = readingReader()

      assert.throws(() => whole.reader.push(damaged), VIOLATION)
      assert.throws(() => {
        halves.reader.push(damaged.subarray(0, 13))
        halves.reader.push(damaged.subarray(13))
      }, VIOLATION)
      assert.deepEqual([...whole.frames, ...halves.frames], [])
    }
  }
})

test('a frame that is skipped must have its checksum too', () => {
  const long = encodeFrame([], Buffer.alloc(200, 'x'))
  long[100] = 0
  const { reader, skipped } = readingReader(100)

  assert.throws(() => {
    for (const chunk of cut(long, [50, 198, 199, 214])) reader.push(chunk)
  }, VIOLATION)
  assert.deepEqual(skipped, [])
})

test('after a frame that is cut short, the next frame is not taken for its rest', () => {
  const { reader, frames } = readingReader()
  reader.push(SUBSCRIBED.bytes.subarray(0, 90))
  assert.equal(reader.isWithinFrame, true)

  assert.throws(() => {
    reader.push(SUBSCRIBED.bytes)
    reader.push(SUBSCRIBED.bytes)
  }, VIOLATION)

  assert.deepEqual(frames, [])
})

test('after an error, nothing is read any more', () => {
  const { reader, frames } = readingReader()
  assert.throws(() => reader.push(Buffer.alloc(16)), VIOLATION)

  reader.push(SUBSCRIBED.bytes)

  assert.deepEqual(frames, [])
})

test('after it is closed from within a frame, the rest of the chunk is not read', () => {
  const frames: number[] = []
  const reader: FrameReader = new FrameReader(
    {
      frame: ({ payload }) => {
        frames.push(payload.length)
        reader.close()
      },
      skipped: () => {},
    },
    MAX_BYTES,
  )

  reader.push(Buffer.concat([SUBSCRIBED.bytes, SUBSCRIBED.bytes]))

  assert.deepEqual(frames, [2])
})

test('random bytes never pass for a frame', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 400 }), (noise) => {
      const { reader, frames } = readingReader()

      assert.throws(() => reader.push(Buffer.from(noise)), VIOLATION)

      assert.deepEqual(frames, [])
    }),
  )
})
