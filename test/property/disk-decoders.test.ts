/**
 * Every decoder of a file, with right checksums around random contents: it answers or says that
 * there is nothing, and no number in the answer is beyond its bound.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { FRAME_HEADER_BYTES, readHeader } from '../../src/channels/disk/format/frame.ts'
import { maxIndexBytes, SegmentIndex } from '../../src/channels/disk/format/segment-index.ts'
import {
  decodeState,
  encodeState,
  highestOffset,
  MAX_STATE_BYTES,
} from '../../src/channels/disk/format/state-file.ts'
import { MAX_OFFSET } from '../../src/channels/disk/format/state-shape.ts'
import {
  BLOCK_BYTES,
  CYCLE_HEADER_BYTES,
  cycleEntries,
  MAX_NUMBER,
  readCycleHeader,
} from '../../src/channels/disk/journal/cycle.ts'
import { readSlotHeader } from '../../src/channels/disk/journal/slot.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 300)
const options = { numRuns: RUNS }
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const STATE = {
  version: 1,
  cursors: { primary: { position: 1, settled: [], delivered: 1, rejected: 0, dropped: {} } },
  refused: {},
} as const

/** The bytes with a magic, and the checksum of everything from `from` to `to`. */
function sealed(noise: Uint8Array, magic: string, from: number, to = noise.length): Buffer {
  const block = Buffer.from(noise)
  block.write(magic, 'latin1')
  block.writeUInt32LE(crc32(block.subarray(from, to)), 4)
  return block
}

function stateOf(json: string): Buffer {
  return Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} ${json}\n`)
}

test('a frame’s header with random numbers names no more records than fit, and no offset beyond the highest', () => {
  fc.assert(
    fc.property(bytes(FRAME_HEADER_BYTES), fc.nat(2_000), (noise, bodyBytes) => {
      const header = Buffer.from(noise)
      header.writeUInt32LE(bodyBytes, 12)
      const found = readHeader(sealed(header, 'IAL1', 8), 0, undefined)

      assert.ok(found === undefined || found.count * 2 <= found.bodyBytes)
      assert.ok(found === undefined || found.firstOffset + found.count <= MAX_OFFSET)
    }),
    options,
  )
})

test('a slot’s header with random numbers lists slots before it, each once', () => {
  fc.assert(
    fc.property(bytes(BLOCK_BYTES), fc.nat(5), (noise, count) => {
      const block = Buffer.from(noise)
      block.writeUInt16LE(count, 36)
      const found = readSlotHeader(sealed(block, 'IAS1', 8))

      const generations = [...(found?.needed ?? []), ...(found ? [found] : [])].map(
        (one) => one.generation,
      )
      assert.deepEqual(
        generations,
        [...new Set(generations)].sort((a, b) => a - b),
      )
      assert.ok(generations.every((generation) => generation <= MAX_NUMBER))
    }),
    options,
  )
})

test('a cycle with random numbers has its entries within its bytes', () => {
  fc.assert(
    fc.property(bytes(BLOCK_BYTES), fc.nat(300), fc.nat(5_000), (noise, count, length) => {
      const block = Buffer.from(noise)
      block.writeUInt32LE(length, 32)
      block.writeUInt32LE(count, 36)
      const table = length - count * 8
      const end = Math.min(length, BLOCK_BYTES)
      block.writeUInt32LE(crc32(block.subarray(Math.max(0, table), end)), 40)
      const found = readCycleHeader(sealed(block, 'IAJ1', 8, CYCLE_HEADER_BYTES), 0)
      const entries = found && cycleEntries(block, found)

      assert.ok(found === undefined || found.sequence <= MAX_NUMBER)
      assert.ok(entries?.every(({ from, to }) => from <= to && to <= table) ?? true)
    }),
    options,
  )
})

test('an index with random numbers is ascending, and leads into its segment', () => {
  const entry = fc.tuple(fc.nat(1_000), fc.nat(1_000), fc.nat(1_000))
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), fc.nat(1_200), (entries, offset) => {
      const block = Buffer.alloc(26 + entries.length * 18)
      block.writeUIntLE(500, 8, 6)
      for (const [index, numbers] of entries.entries()) {
        for (const [field, number] of numbers.entries()) {
          block.writeUIntLE(number, 26 + index * 18 + field * 6, 6)
        }
      }
      const found = SegmentIndex.decode(sealed(block, 'IAX1', 8), 500)

      const isAscending = entries.every(([first, position], index) => {
        const [firstBefore, positionBefore] = entries[index - 1] ?? [-1, -1]
        return first > firstBefore && position > positionBefore && position < 500
      })
      assert.ok(found === undefined || isAscending)
      assert.ok((found?.locate(offset) ?? 0) < 500)
      assert.ok(maxIndexBytes(0) >= 44)
    }),
    options,
  )
})

test('a state of any JSON is a state or none, and its offsets are within their bound', () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 0.5, 2 ** 48, 2 ** 53, 7))
  const change = fc.tuple(
    fc.constantFrom('position', 'settled', 'delivered', 'dropped', 'x'),
    value,
  )
  fc.assert(
    fc.property(fc.json(), change, fc.option(value), (json, [field, changed], log) => {
      decodeState(stateOf(json))
      const cursor = { ...STATE.cursors.primary, [field]: changed }
      const text = JSON.stringify({ ...STATE, cursors: { primary: cursor }, log: log ?? undefined })
      const found = decodeState(stateOf(text))

      if (found === undefined) return
      assert.ok(highestOffset(found) <= MAX_OFFSET)
      assert.deepEqual(decodeState(encodeState(found)), found)
    }),
    options,
  )
})

test('a state that is nested too deep or too long is damage', () => {
  assert.equal(decodeState(stateOf('['.repeat(1_000_000))), undefined)
  assert.equal(decodeState(Buffer.alloc(MAX_STATE_BYTES + 1, ' ')), undefined)
})
