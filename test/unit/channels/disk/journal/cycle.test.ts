import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import {
  BLOCK_BYTES,
  CYCLE_HEADER_BYTES,
  CycleBuilder,
  type CycleHeader,
  cycleBytes,
  cycleEntries,
  ENTRY_KIND,
  readCycleHeader,
  TABLE_ENTRY_BYTES,
} from '../../../../../src/channels/disk/journal/cycle.ts'

const HEADER: CycleHeader = {
  key: 0xfedc_ba98,
  generation: 2 ** 47 + 1,
  sequence: 2 ** 46 + 3,
  time: 1_700_000_000_123,
  flags: 2,
}

/** The bytes of one cycle with these entries, padding included. */
function cycleOf(entries: readonly Uint8Array[], builder = new CycleBuilder(BLOCK_BYTES)): Buffer {
  builder.begin(0)
  for (const entry of entries) {
    builder.add(ENTRY_KIND.frame, Buffer.from(entry), 0, entry.length)
  }
  const bytes = builder.seal(HEADER)
  return Buffer.from(builder.buffer.subarray(0, bytes))
}

test('a cycle is read as it was built, on whole blocks', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 30 }), (entries) => {
      const bytes = cycleOf(entries)

      const header = readCycleHeader(bytes, 0)
      const found = header && cycleEntries(bytes, header)

      const entryBytes = entries.reduce((sum, entry) => sum + entry.length, 0)
      assert.equal(bytes.length, cycleBytes(entryBytes, entries.length))
      assert.equal(bytes.length % BLOCK_BYTES, 0)
      assert.deepEqual({ ...header, ...HEADER }, header)
      assert.deepEqual(
        found?.map(({ from, to }) => bytes.subarray(from, to)),
        entries.map((entry) => Buffer.from(entry)),
      )
    }),
  )
})

test('a cycle with a flipped bit in its header or table is not read', () => {
  const whole = cycleOf([Buffer.from('one'), Buffer.from('another')])
  const { bytes, count } = readCycleHeader(whole, 0)!
  const tableAt = bytes - count * TABLE_ENTRY_BYTES
  const places = [
    ...Array.from({ length: CYCLE_HEADER_BYTES }, (_, at) => at),
    ...Array.from({ length: count * TABLE_ENTRY_BYTES }, (_, at) => tableAt + at),
  ]

  const unnoticed: string[] = []
  for (const at of places) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(whole)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
      const header = readCycleHeader(flipped, 0)
      if (header !== undefined && cycleEntries(flipped, header) !== undefined) {
        unnoticed.push(`byte ${at}, bit ${bit}`)
      }
    }
  }

  assert.deepEqual(unnoticed, [])
})

test('a table whose lengths do not add up is damaged, even if its checksum matches', () => {
  const bytes = cycleOf([Buffer.from('one'), Buffer.from('another')])
  const header = readCycleHeader(bytes, 0)!

  const found = [
    cycleEntries(bytes, { ...header, count: header.count + 1 }),
    cycleEntries(bytes, { ...header, count: 2 ** 31 }),
    cycleEntries(bytes, { ...header, bytes: bytes.length + 8 }),
    cycleEntries(bytes, { ...header, bytes: header.bytes - TABLE_ENTRY_BYTES, count: 1 }),
  ]

  assert.deepEqual(found, [undefined, undefined, undefined, undefined])
})

test('the buffer grows as entries are added, and keeps its contents', () => {
  const builder = new CycleBuilder(BLOCK_BYTES)
  const entries = Array.from({ length: 200 }, (_, index) => Buffer.alloc(1_000, index))

  const bytes = cycleOf(entries, builder)

  const header = readCycleHeader(bytes, 0)
  const found = header && cycleEntries(bytes, header)
  assert.ok(builder.buffer.length > 200_000)
  assert.deepEqual(
    found?.map(({ from, to }) => bytes.subarray(from, to)),
    entries,
  )
})

test('a reused buffer holds nothing of the cycle before, also behind a head', () => {
  const builder = new CycleBuilder(BLOCK_BYTES)
  cycleOf([Buffer.alloc(BLOCK_BYTES * 2, 0xff)], builder)

  builder.begin(BLOCK_BYTES)
  builder.buffer.fill(7, 0, BLOCK_BYTES)
  const at = builder.add(ENTRY_KIND.log, Buffer.from('__short__'), 2, 7)
  const length = builder.seal(HEADER)

  const bytes = builder.buffer.subarray(BLOCK_BYTES, BLOCK_BYTES + length)
  const header = readCycleHeader(builder.buffer, BLOCK_BYTES)
  assert.equal(length, BLOCK_BYTES)
  assert.equal(bytes.toString('latin1', at, at + 5), 'short')
  assert.deepEqual(header && cycleEntries(bytes, header), [
    { kind: ENTRY_KIND.log, from: at, to: at + 5, isMarked: true },
  ])
  assert.ok(bytes.subarray(header?.bytes).every((byte) => byte === 0))
  assert.ok(builder.buffer.subarray(0, BLOCK_BYTES).every((byte) => byte === 7))
})

test('an entry of an older cycle at the same place is not mistaken for the new one', () => {
  const [older, newer] = [0x11, 0x22].map((fill) => cycleOf([Buffer.alloc(600, fill)]))
  const mixed = Buffer.concat([
    newer!.subarray(0, 48),
    older!.subarray(48, 648),
    newer!.subarray(648),
  ])

  const marks = [newer!, mixed].map((bytes) =>
    cycleEntries(bytes, readCycleHeader(bytes, 0)!)?.map(({ isMarked }) => isMarked),
  )

  assert.deepEqual(marks, [[true], [false]])
})

test('an entry without a mark, as earlier versions wrote it, is accepted', () => {
  const bytes = cycleOf([Buffer.alloc(600, 0x11)])
  const table = 648
  bytes.fill(0, table + 1, table + 4)
  const header = readCycleHeader(bytes, 0)!
  const tableCrc = crc32(bytes.subarray(table, table + TABLE_ENTRY_BYTES))

  const entries = cycleEntries(bytes, { ...header, tableCrc })

  assert.deepEqual(entries, [{ kind: ENTRY_KIND.frame, from: 48, to: 648, isMarked: true }])
})

test('the length of a cycle is known before an entry is added', () => {
  const builder = new CycleBuilder(BLOCK_BYTES)
  builder.begin(0)
  const sizes = [0, 1, 4_031, 4_032, 4_033, 9_000]

  for (const size of sizes) {
    const expected = builder.bytesWith(size, 1)
    builder.add(ENTRY_KIND.frame, Buffer.alloc(size), 0, size)
    assert.equal(builder.bytesWith(0, 0), expected)
  }

  const expected = builder.bytesWith(0, 0)
  assert.equal(builder.seal(HEADER), expected)
})
