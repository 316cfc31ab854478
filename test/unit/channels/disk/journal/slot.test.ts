import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { BLOCK_BYTES } from '../../../../../src/channels/disk/journal/cycle.ts'
import {
  MAX_NEEDED_SLOTS,
  readSlotHeader,
  type SlotHeader,
  slotName,
  slotNumberOf,
  writeSlotHeader,
} from '../../../../../src/channels/disk/journal/slot.ts'

const HEADER: SlotHeader = {
  key: 0x89ab_cdef,
  generation: 2 ** 47 + 5,
  firstSequence: 2 ** 45 + 7,
  bytes: 8 * 1024 * 1024,
  time: 1_700_000_000_123,
  needed: [
    { generation: 2 ** 47 + 1, endSequence: 2 ** 45 },
    { generation: 2 ** 47 + 4, endSequence: 2 ** 45 + 7 },
  ],
  firstCycleCrc: 0x7654_3210,
}

function blockOf(header: SlotHeader): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES, 0xff)
  writeSlotHeader(block, header)
  return block
}

test('a slot’s header is read as it was written, with as many needed slots as fit', () => {
  const needed = Array.from({ length: MAX_NEEDED_SLOTS }, (_, index) => ({
    generation: index + 1,
    endSequence: 2 ** 40 + index,
  }))

  assert.deepEqual(readSlotHeader(blockOf(HEADER)), HEADER)
  assert.deepEqual(readSlotHeader(blockOf({ ...HEADER, needed: [] })), { ...HEADER, needed: [] })
  assert.deepEqual(readSlotHeader(blockOf({ ...HEADER, needed })), { ...HEADER, needed })
})

test('a slot’s header with a flipped bit is not read', () => {
  const whole = blockOf(HEADER)

  const unnoticed: number[] = []
  for (let at = 0; at < BLOCK_BYTES; at++) {
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    if (readSlotHeader(flipped) !== undefined) unnoticed.push(at)
  }

  assert.deepEqual(unnoticed, [])
})

test('zeros, a short block and a count beyond the block are not read as a header', () => {
  const counted = blockOf(HEADER)
  counted.writeUInt16LE(MAX_NEEDED_SLOTS + 1, 36)
  counted.writeUInt32LE(crc32(counted.subarray(8)), 4)

  assert.equal(readSlotHeader(Buffer.alloc(BLOCK_BYTES)), undefined)
  assert.equal(readSlotHeader(blockOf(HEADER).subarray(0, BLOCK_BYTES - 1)), undefined)
  assert.equal(readSlotHeader(counted), undefined)
})

test('a slot’s number is in its name, and other names have none', () => {
  assert.equal(slotNumberOf(slotName(123_456_789)), 123_456_789)
  assert.deepEqual(
    ['7.jnl', '007.jnl', 'x.jnl', '7.jnl.tmp', '-1.jnl', '1234567890.jnl'].map(slotNumberOf),
    [7, 7, undefined, undefined, undefined, undefined],
  )
})
