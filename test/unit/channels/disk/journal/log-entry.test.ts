import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import {
  decodeLogEntry,
  encodeLogEntry,
  type LogEntry,
  updateLogEntry,
} from '../../../../../src/channels/disk/journal/log-entry.ts'
import type { ChannelState } from '../../../../../src/channels/log/channel-log.ts'

const STATE: ChannelState = {
  version: 1,
  cursors: {
    primary: {
      position: 7,
      settled: [{ from: 9, to: 12 }],
      delivered: 6,
      rejected: 1,
      dropped: { MessageExpired: 2 },
    },
  },
  refused: { QueueFull: 3 },
  end: 12,
}
const ENTRY: LogEntry = {
  name: 'press_1',
  identity: { id: 0xffff_fffe, key: 0x8000_0001 },
  released: 2 ** 47,
  end: 2 ** 47 + 9,
  state: STATE,
}

/** The bytes with a correct checksum. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

test('a log’s entry decodes to what was encoded, with a state and without', () => {
  const bare = { ...ENTRY, name: 'x'.repeat(128), state: undefined }

  assert.deepEqual(decodeLogEntry(encodeLogEntry(ENTRY)), ENTRY)
  assert.deepEqual(decodeLogEntry(encodeLogEntry(bare)), bare)
})

test('an updated entry equals one that was encoded with the new values', () => {
  const bytes = encodeLogEntry(ENTRY)

  updateLogEntry(bytes, 5, 2 ** 47 + 1)

  const expected = { ...ENTRY, released: 5, end: 2 ** 47 + 1 }
  assert.deepEqual(bytes, encodeLogEntry(expected))
})

test('an entry with a flipped bit or a missing byte is not decoded', () => {
  const whole = encodeLogEntry(ENTRY)

  const unnoticed: number[] = []
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    if (decodeLogEntry(flipped) !== undefined) unnoticed.push(at)
    if (decodeLogEntry(whole.subarray(0, at)) !== undefined) unnoticed.push(at)
  }

  assert.deepEqual(unnoticed, [])
})

test('a wrong shape with a correct checksum does not throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 200 }), (noise) => {
      const found = decodeLogEntry(sealed(Buffer.from(noise)))

      assert.ok(found === undefined || found.name.length <= 255)
    }),
  )
})

test('an entry whose name would reach beyond its end is not decoded', () => {
  const bytes = encodeLogEntry({ ...ENTRY, state: undefined })
  bytes[24] = bytes.length

  assert.equal(decodeLogEntry(sealed(bytes)), undefined)
})

test('an entry is not decoded if its name could lead out of the directory, or its numbers are too high', () => {
  const wrong = [
    ...['', '.', '..', '../x', 'a/b', '/etc', 'a\0', 'x'.repeat(129)].map((name) => ({ name })),
    ...[{ end: 2 ** 48 - 1 }, { released: 2 ** 48 - 1 }],
  ]

  const found = wrong.map((change) => decodeLogEntry(encodeLogEntry({ ...ENTRY, ...change })))

  assert.deepEqual(
    found,
    wrong.map(() => undefined),
  )
})

test('a state of a wrong shape is ignored, and the rest of the entry counts', () => {
  const bare = encodeLogEntry({ ...ENTRY, state: undefined })
  const wrong = [
    '{',
    'null',
    '{"version":1,"cursors":{"a":{}},"refused":{}}',
    '7',
    '[]',
    '{}',
    '{"version":2}',
    '"state"',
  ]

  const found = wrong.map((json) =>
    decodeLogEntry(sealed(Buffer.concat([bare, Buffer.from(json)]))),
  )

  assert.deepEqual(
    found.map((entry) => entry?.state),
    wrong.map(() => undefined),
  )
  assert.ok(found.every((entry) => entry?.end === ENTRY.end && entry.name === ENTRY.name))
})
