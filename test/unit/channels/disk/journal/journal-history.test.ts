/** Which messages slots are found to keep for replay, above all after failed commits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FRAME_HEADER_BYTES, sealFrame } from '../../../../../src/channels/disk/format/frame.ts'
import {
  BLOCK_BYTES,
  CycleBuilder,
  ENTRY_KIND,
} from '../../../../../src/channels/disk/journal/cycle.ts'
import { findHistory } from '../../../../../src/channels/disk/journal/journal-history.ts'
import {
  identityText,
  readJournal,
} from '../../../../../src/channels/disk/journal/journal-reading.ts'
import { encodeLogEntry } from '../../../../../src/channels/disk/journal/log-entry.ts'
import { writeSlotHeader } from '../../../../../src/channels/disk/journal/slot.ts'
import { SLOT_BYTES } from '../../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../../support/disk/simulated-disk.ts'

const KEY = 7
const IDENTITY = { id: 1, key: 2 }
const TIME = 1_700_000_000_000

interface Cycle {
  readonly sequence: number
  /** The log's end in its entry; undefined for no entry. */
  readonly entryEnd?: number
  /** First offsets of frames with one message each. */
  readonly offsets: readonly number[]
}

interface Use {
  readonly generation: number
  readonly firstSequence: number
  readonly cycles: readonly Cycle[]
}

function frameOf(firstOffset: number): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + 10, 0x55)
  const times = { firstReceivedAt: TIME, newestReceivedAt: TIME }
  const what = { identity: IDENTITY, bodyBytes: 10, count: 1, isContinuation: false }
  sealFrame(frame, 0, { ...what, ...times, firstOffset })
  return frame
}

function bytesOf({ sequence, entryEnd, offsets }: Cycle, generation: number): Buffer {
  const builder = new CycleBuilder(BLOCK_BYTES)
  builder.begin(0)
  if (entryEnd !== undefined) {
    const what = { name: 'press_1', identity: IDENTITY, released: entryEnd, state: undefined }
    const entry = encodeLogEntry({ ...what, end: entryEnd })
    builder.add(ENTRY_KIND.log, entry, 0, entry.length)
  }
  for (const frame of offsets.map(frameOf)) {
    builder.add(ENTRY_KIND.frame, frame, 0, frame.length)
  }
  const bytes = builder.seal({ key: KEY, generation, sequence, time: TIME, flags: 0 })
  return Buffer.from(builder.buffer.subarray(0, bytes))
}

/** A journal in which only the newest slot is needed. Each file is named by its generation. */
function diskWith(uses: readonly Use[]): SimulatedDisk {
  const disk = new SimulatedDisk(seededRandom(1))
  for (const { generation, firstSequence, cycles } of uses) {
    const slot = Buffer.alloc(SLOT_BYTES)
    const what = { key: KEY, bytes: SLOT_BYTES, time: TIME, needed: [], firstCycleCrc: 0 }
    writeSlotHeader(slot, { ...what, generation, firstSequence })
    let at = BLOCK_BYTES
    for (const cycle of cycles) at += bytesOf(cycle, generation).copy(slot, at)
    disk.replace(`/journal/${generation}.jnl`, slot)
  }
  return disk
}

/** The history added to a log that has all messages from `start` on: generations and offsets. */
async function historyOf(disk: SimulatedDisk, start: number): Promise<number[][]> {
  const added: number[][] = []
  const log = {
    identityText: identityText(IDENTITY),
    start,
    addHistory(slot: { readonly generation: number }, firstOffset: number, endOffset: number) {
      added.push([slot.generation, firstOffset, endOffset])
      log.start = firstOffset
    },
  }
  await findHistory(disk, await readJournal(disk, '/journal'), [log])
  return added
}

/**
 * Cycle 3 was the first of a commit whose second failed, so it was stored again in the next slot.
 */
const WITH_VOID_CYCLE: readonly Use[] = [
  {
    generation: 5,
    firstSequence: 1,
    cycles: [
      { sequence: 1, entryEnd: 0, offsets: [0, 1] },
      { sequence: 2, offsets: [2] },
      { sequence: 3, offsets: [3, 4, 5] },
    ],
  },
  { generation: 6, firstSequence: 3, cycles: [{ sequence: 3, entryEnd: 3, offsets: [3] }] },
  { generation: 7, firstSequence: 4, cycles: [{ sequence: 4, entryEnd: 4, offsets: [4] }] },
]

test('void cycles are no history, if openings say what is between them', async () => {
  assert.deepEqual(await historyOf(diskWith(WITH_VOID_CYCLE), 4), [
    [6, 3, 4],
    [5, 0, 3],
  ])
})

test('void cycles are no history, if a slot has to be read through', async () => {
  // The log is new in the first slot, so the slot's opening does not mention it.
  const [first, ...others] = WITH_VOID_CYCLE
  const opening = { sequence: 1, offsets: [] }
  const later = [
    { sequence: 2, entryEnd: 0, offsets: [0, 1, 2] },
    { sequence: 3, offsets: [3, 4, 5] },
  ]
  const uses = [{ ...first!, cycles: [opening, ...later] }, ...others]

  assert.deepEqual(await historyOf(diskWith(uses), 4), [
    [6, 3, 4],
    [5, 0, 3],
  ])
})

test('a slot in which all cycles are void is no history, and does not end the history', async () => {
  const allVoid = { generation: 6, firstSequence: 3, cycles: WITH_VOID_CYCLE[1]!.cycles }
  const next = { generation: 7, firstSequence: 3 }
  const cycles = [{ sequence: 3, entryEnd: 3, offsets: [3] }]
  const uses = [WITH_VOID_CYCLE[0]!, allVoid, { ...next, cycles }]

  assert.deepEqual(await historyOf(diskWith(uses), 3), [[5, 0, 3]])
})

test('history ends at a missing generation, because nothing says which cycles before it are void', async () => {
  const uses = WITH_VOID_CYCLE.filter(({ generation }) => generation !== 6)

  assert.deepEqual(await historyOf(diskWith(uses), 3), [])
})
