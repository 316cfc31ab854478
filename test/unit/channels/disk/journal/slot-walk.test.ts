/** What a walk through a slot treats as committed, damaged, unfinished, or the end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenFile } from '../../../../../src/channels/disk/files/file-layer.ts'
import { FRAME_HEADER_BYTES, sealFrame } from '../../../../../src/channels/disk/format/frame.ts'
import { FileView } from '../../../../../src/channels/disk/format/frame-walk.ts'
import {
  aligned,
  BLOCK_BYTES,
  CYCLE_FLAG,
  CYCLE_HEADER_BYTES,
  CycleBuilder,
  ENTRY_KIND,
  readCycleHeader,
} from '../../../../../src/channels/disk/journal/cycle.ts'
import { encodeLogEntry } from '../../../../../src/channels/disk/journal/log-entry.ts'
import { type SlotEnd, walkSlot } from '../../../../../src/channels/disk/journal/slot-walk.ts'

const SLOT_BYTES = 16 * BLOCK_BYTES
const KEY = 7
const IDENTITY = { id: 1, key: 2 }
const TIME = 1_700_000_000_000
const ENTRY = encodeLogEntry({
  name: 'press_1',
  identity: IDENTITY,
  released: 0,
  end: 0,
  state: undefined,
})

interface Cycle {
  readonly sequence: number
  /** First offsets of frames with one record each. */
  readonly offsets: readonly number[]
  readonly generation?: number
  readonly key?: number
  readonly flags?: number
  readonly bodyBytes?: number
}

function frameOf(firstOffset: number, bodyBytes: number): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + bodyBytes, 0x55)
  sealFrame(frame, 0, {
    identity: IDENTITY,
    bodyBytes,
    count: 1,
    firstOffset,
    firstReceivedAt: TIME,
    newestReceivedAt: TIME,
    isContinuation: false,
  })
  return frame
}

/** Each cycle begins with an entry of the log, followed by its frames. */
function bytesOf(cycle: Cycle): Buffer {
  const builder = new CycleBuilder(BLOCK_BYTES)
  builder.begin(0)
  builder.add(ENTRY_KIND.log, ENTRY, 0, ENTRY.length)
  for (const offset of cycle.offsets) {
    const frame = frameOf(offset, cycle.bodyBytes ?? 100)
    builder.add(ENTRY_KIND.frame, frame, 0, frame.length)
  }
  const { sequence, generation = 5, key = KEY, flags = 0 } = cycle
  const bytes = builder.seal({ key, generation, sequence, time: TIME + sequence, flags })
  return Buffer.from(builder.buffer.subarray(0, bytes))
}

/** A slot with cycles from its second block on, written over its older contents. */
function slotOf(cycles: readonly Cycle[], before: Buffer = Buffer.alloc(SLOT_BYTES)): Buffer {
  const slot = Buffer.from(before)
  let at = BLOCK_BYTES
  for (const cycle of cycles) at += bytesOf(cycle).copy(slot, at)
  return slot
}

interface Walked {
  readonly end: SlotEnd
  readonly offsets: number[]
  readonly entries: number
  readonly damages: { position: number; bytes: number; firstOffset: number | undefined }[]
}

async function walk(slot: Buffer, endSequence?: number, firstCycleCrc = 0): Promise<Walked> {
  const offsets: number[] = []
  const damages: Walked['damages'] = []
  let entries = 0
  const use = { key: KEY, generation: 5, firstSequence: 1, endSequence, firstCycleCrc }
  const end = await walkSlot(new FileView(fileOf(slot), slot.length, true), use, {
    onFrame: (header) => void offsets.push(header.firstOffset),
    onEntry: () => {
      entries++
    },
    onDamage: (position, bytes, header) =>
      void damages.push({ position, bytes, firstOffset: header?.firstOffset }),
  })
  return { end, offsets, entries, damages }
}

function fileOf(content: Buffer): OpenFile {
  const refuse = () => Promise.reject(new Error('a walk only reads'))
  return {
    read: (into, length, position) =>
      Promise.resolve(content.copy(into, 0, position, position + length)),
    write: refuse,
    sync: refuse,
    truncate: refuse,
    bytes: () => Promise.resolve(content.length),
    close: () => Promise.resolve(),
  }
}

const THREE: readonly Cycle[] = [
  { sequence: 1, offsets: [0, 1] },
  { sequence: 2, offsets: [2], bodyBytes: 6_000 },
  { sequence: 3, offsets: [3] },
]
/** The positions where the cycles of THREE begin, and where the last one ends. */
const PLACES = [0, 1, 2, 3].map((count) =>
  THREE.slice(0, count).reduce((at, cycle) => at + bytesOf(cycle).length, BLOCK_BYTES),
)

test('a walk visits the cycles of one use up to the last, and then ends', async () => {
  const found = await walk(slotOf(THREE))

  assert.deepEqual(found.offsets, [0, 1, 2, 3])
  assert.equal(found.entries, 3)
  assert.deepEqual(found.damages, [])
  assert.deepEqual(found.end, {
    sequence: 4,
    position: PLACES[3],
    torn: undefined,
    isClean: false,
  })
})

test('intact cycles of an earlier use behind the newest cycle are the end, not damage', async () => {
  const earlier = Array.from({ length: 14 }, (_, index) => ({
    sequence: index + 1,
    offsets: [100 + index],
    generation: 4,
  }))
  const foreign = earlier.map((cycle) => ({ ...cycle, generation: 5, key: KEY + 1 }))

  for (const before of [slotOf(earlier), slotOf(foreign)]) {
    const found = await walk(slotOf(THREE, before))

    assert.deepEqual(found.offsets, [0, 1, 2, 3])
    assert.deepEqual(found.damages, [])
    assert.equal(found.end.torn, undefined)
    assert.equal(found.end.position, PLACES[3])
  }
})

test('an empty slot holds nothing, nor does one whose first cycle is of an earlier use', async () => {
  const earlier = slotOf([{ sequence: 1, offsets: [9], generation: 4 }])

  for (const slot of [Buffer.alloc(SLOT_BYTES), earlier]) {
    const found = await walk(slot)

    assert.deepEqual([found.offsets, found.damages], [[], []])
    assert.deepEqual(found.end, {
      sequence: 1,
      position: BLOCK_BYTES,
      torn: undefined,
      isClean: false,
    })
  }
})

test('a last cycle with older sectors in it is a write that never finished', async () => {
  const cycle = { sequence: 4, offsets: [4], bodyBytes: 6_000 }
  const earlier = slotOf(
    Array.from({ length: 14 }, (_, index) => ({
      sequence: index + 1,
      offsets: [100 + index],
      generation: 4,
    })),
  )
  const start = PLACES[3]!
  const whole = slotOf([...THREE, cycle], earlier)
  const bytes = bytesOf(cycle).length

  for (let sector = 512; sector < 6_000; sector += 512) {
    const torn = Buffer.from(whole)
    earlier.copy(torn, start + sector, start + sector, start + sector + 512)
    const found = await walk(torn)

    assert.deepEqual(found.offsets, [0, 1, 2, 3], `sector ${sector}`)
    assert.deepEqual(found.damages, [], `sector ${sector}`)
    assert.equal(found.end.sequence, 4)
    assert.equal(found.end.torn?.position, start)
    assert.equal(aligned(found.end.torn?.bytes ?? 0), bytes)
    assert.equal(found.end.torn?.time, TIME + 4)
  }
})

test('a last cycle whose header never reached the disk is not found', async () => {
  const whole = slotOf([...THREE, { sequence: 4, offsets: [4], bodyBytes: 6_000 }])
  whole.fill(0, PLACES[3], PLACES[3]! + 512)

  const found = await walk(whole)

  assert.deepEqual(found.offsets, [0, 1, 2, 3])
  assert.deepEqual([found.damages, found.end.torn], [[], undefined])
  assert.equal(found.end.sequence, 4)
})

test('a broken frame with a later cycle behind it is damage of that frame alone', async () => {
  const slot = slotOf(THREE)
  const at = PLACES[0]! + CYCLE_HEADER_BYTES + ENTRY.length + FRAME_HEADER_BYTES + 3
  slot[at] = (slot[at] ?? 0) ^ 1

  const found = await walk(slot)

  assert.deepEqual(found.offsets, [1, 2, 3])
  assert.deepEqual(
    found.damages.map(({ bytes, firstOffset }) => [bytes, firstOffset]),
    [[FRAME_HEADER_BYTES + 100, 0]],
  )
  assert.equal(found.end.sequence, 4)
})

test('a cycle with a broken header or table and a later cycle behind it is damaged as a whole', async () => {
  const { length } = bytesOf(THREE[1]!)
  for (const at of [PLACES[1]! + 20, PLACES[1]! + 40]) {
    const slot = slotOf(THREE)
    slot[at] = (slot[at] ?? 0) ^ 1

    const found = await walk(slot)

    assert.deepEqual(found.offsets, [0, 1, 3])
    assert.deepEqual(found.damages, [
      { position: PLACES[1], bytes: length, firstOffset: undefined },
    ])
    assert.deepEqual([found.end.sequence, found.end.torn], [4, undefined])
  }
  const slot = slotOf(THREE)
  const table = PLACES[1]! + CYCLE_HEADER_BYTES + ENTRY.length + FRAME_HEADER_BYTES + 6_000
  slot[table + 4] = (slot[table + 4] ?? 0) ^ 1

  const found = await walk(slot)

  assert.deepEqual(found.offsets, [0, 1, 3])
  assert.deepEqual([found.damages.length, found.damages[0]?.position], [1, PLACES[1]])
})

test('the last cycle is damaged, not torn, if the slot is known to have ended behind it', async () => {
  const slot = slotOf(THREE)
  const at = PLACES[2]! + CYCLE_HEADER_BYTES + ENTRY.length + FRAME_HEADER_BYTES
  slot[at] = (slot[at] ?? 0) ^ 1
  const beheaded = slotOf(THREE)
  beheaded.fill(0, PLACES[2], PLACES[2]! + 512)

  const byFrame = await walk(slot, 4)
  const byHeader = await walk(beheaded, 4)

  assert.deepEqual([byFrame.end.torn, byHeader.end.torn], [undefined, undefined])
  assert.deepEqual(byFrame.offsets, [0, 1, 2])
  assert.deepEqual(
    byFrame.damages.map(({ firstOffset }) => firstOffset),
    [3],
  )
  assert.deepEqual(byHeader.damages, [
    { position: PLACES[2], bytes: SLOT_BYTES - PLACES[2]!, firstOffset: undefined },
  ])
})

test('cycles behind the end of a closed slot are void', async () => {
  const slot = slotOf(THREE)

  for (const [endSequence, offsets] of [
    [1, []],
    [2, [0, 1]],
    [3, [0, 1, 2]],
    [4, [0, 1, 2, 3]],
  ] as const) {
    const found = await walk(slot, endSequence)

    assert.deepEqual(found.offsets, offsets)
    assert.deepEqual(found.damages, [])
    assert.equal(found.end.sequence, endSequence)
  }
})

test('void cycles do not prove that a cycle before them was finished', async () => {
  const slot = slotOf(THREE)
  slot.fill(0xff, PLACES[1], PLACES[1]! + CYCLE_HEADER_BYTES)

  const found = await walk(slot, 3)

  assert.deepEqual(found.offsets, [0, 1])
  assert.equal(found.damages[0]?.position, PLACES[1])
})

test('only a last cycle can say that everything is stored elsewhere as well', async () => {
  const clean = { sequence: 4, offsets: [], flags: CYCLE_FLAG.clean }

  const atTheEnd = await walk(slotOf([...THREE, clean]))
  const before = await walk(slotOf([...THREE, clean, { sequence: 5, offsets: [4] }]))

  assert.deepEqual([atTheEnd.end.isClean, before.end.isClean], [true, false])
})

test('a walk stops after the requested cycle', async () => {
  const slot = slotOf(THREE)
  const offsets: number[] = []
  const use = { key: KEY, generation: 5, firstSequence: 1, endSequence: undefined }
  const visit = {
    onFrame: (header: { firstOffset: number }) => void offsets.push(header.firstOffset),
    onEntry() {},
    onDamage() {},
  }

  await walkSlot(
    new FileView(fileOf(slot), slot.length, true),
    use,
    visit,
    ({ sequence }) => sequence < 2,
  )

  assert.deepEqual(offsets, [0, 1, 2])
})

test('a cycle whose length leads beyond the slot is not accepted', async () => {
  const slot = slotOf(
    [...THREE, { sequence: 4, offsets: [4], bodyBytes: 60_000 }],
    Buffer.alloc(2 * SLOT_BYTES),
  )
  const cut = slot.subarray(0, SLOT_BYTES)

  const found = await walk(cut)

  assert.deepEqual(found.offsets, [0, 1, 2, 3])
  assert.equal(found.end.torn?.position, PLACES[3])
})

test('a first cycle counts only if the slot’s header was written with it', async () => {
  const [first] = THREE
  const crc = readCycleHeader(bytesOf(first!), 0)?.headerCrc

  const own = await walk(slotOf([first!]), undefined, crc)
  const ofAnEarlierTry = await walk(slotOf([{ ...first!, offsets: [8] }]), undefined, crc)

  assert.deepEqual([own.offsets, ofAnEarlierTry.offsets], [[0, 1], []])
  assert.equal(ofAnEarlierTry.end.sequence, 1)
  assert.deepEqual(ofAnEarlierTry.damages, [])
})

test('a newest cycle with sectors of an older one in it is a write that never finished', async () => {
  const before = slotOf([{ sequence: 1, offsets: [7, 8, 9, 10], generation: 4, bodyBytes: 700 }])
  const slot = slotOf([{ sequence: 1, offsets: [0, 1, 2, 3], bodyBytes: 700 }])
  // From the second frame on, the bytes of the earlier use are still there, and intact.
  const [from, to] = [
    BLOCK_BYTES + 48 + ENTRY.length + 744,
    BLOCK_BYTES + 48 + ENTRY.length + 4 * 744,
  ]
  before.copy(slot, from, from, to)

  const found = await walk(slot)

  assert.deepEqual(found.offsets, [])
  assert.equal(found.end.torn?.position, BLOCK_BYTES)
})
