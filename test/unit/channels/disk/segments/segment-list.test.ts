/** The segments of one log: history, eviction, and the space that each of them takes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskSpace } from '../../../../../src/channels/disk/files/disk-space.ts'
import { Segment } from '../../../../../src/channels/disk/segments/segment.ts'
import { SegmentList } from '../../../../../src/channels/disk/segments/segment-list.ts'
import { SerialQueue } from '../../../../../src/serial-queue.ts'
import { SimulatedDisk, seededRandom } from '../../../../support/disk/simulated-disk.ts'

const DIRECTORY = '/data/channels/press_1'
const BYTES = 100

/** Segments of ten messages each, from offset 0 on, whose bytes are counted. */
function listOf(count: number) {
  const disk = new SimulatedDisk(seededRandom(1))
  const space = new DiskSpace(1_000_000)
  const closed: Segment[] = []
  const segments = Array.from({ length: count }, (_, index) => {
    const base = index * 10
    const end = base + 10
    return new Segment(DIRECTORY, base, { end, bytes: BYTES, writtenAt: 1000 + index })
  })
  for (const segment of segments) disk.replace(segment.logPath, Buffer.alloc(BYTES))
  space.count(count * BYTES)
  const options = {
    files: disk,
    directory: DIRECTORY,
    space,
    queue: new SerialQueue(),
    closeFile: async (segment: Segment) => void closed.push(segment),
  }
  return { disk, space, closed, segments, list: new SegmentList(options, segments) }
}

function basesOf(list: SegmentList): number[] {
  return list.all().map((segment) => segment.base)
}

test('segments that end at or below the released offset are history, oldest first', () => {
  const { list, space, segments } = listOf(3)

  list.release(20)

  assert.equal(list.oldestHistoryAt, 1000)
  assert.equal(list.oldestNeeded, segments[2])
  assert.equal(space.history, 2 * BYTES)
  assert.equal(space.onDisk, 3 * BYTES)
})

test('an empty segment, and one with a write under way, are not history', () => {
  const { list, segments } = listOf(2)
  segments[1]?.beginWrite(50)
  list.add(new Segment(DIRECTORY, 20, { end: 20, bytes: 44, writtenAt: 2000 }))

  list.release(30)

  assert.equal(list.oldestNeeded, segments[1])
})

test('the oldest history segment is closed and removed, and its bytes are free', async () => {
  const { list, space, disk, segments, closed } = listOf(3)
  list.release(20)

  list.evictOldest()
  await space.removalsDone()

  assert.deepEqual(basesOf(list), [10, 20])
  assert.deepEqual(closed, segments.slice(0, 1))
  assert.equal(disk.files.includes(segments[0]?.logPath ?? ''), false)
  assert.deepEqual([space.history, space.onDisk], [BYTES, 2 * BYTES])
})

test('without history no segment is evicted', () => {
  const { list, space } = listOf(2)

  list.evictOldest()

  assert.deepEqual(basesOf(list), [0, 10])
  assert.equal(space.onDisk, 2 * BYTES)
})

test('eviction below an offset removes segments that end there, and before it those that begin there', async () => {
  const below = listOf(3)
  const before = listOf(3)

  below.list.evictBelow(15)
  before.list.evictBefore(15)
  await Promise.all([below.space.removalsDone(), before.space.removalsDone()])

  assert.deepEqual(basesOf(below.list), [10, 20])
  assert.deepEqual(basesOf(before.list), [20])
  assert.deepEqual([below.space.history, before.space.history], [0, 0])
})

test('only the last segment can be taken back, with its bytes', async () => {
  const { list, space, segments } = listOf(2)
  const [first, last] = segments
  assert.ok(first && last)

  await list.removeLast(first)
  await list.removeLast(last)

  assert.deepEqual(basesOf(list), [0])
  assert.equal(space.onDisk, BYTES)
})

test('a segment is found by an offset at or above its base', () => {
  const { list, segments } = listOf(3)

  assert.equal(list.segmentOf(0), segments[0])
  assert.equal(list.segmentOf(19), segments[1])
  assert.equal(list.segmentOf(500), segments[2])
  assert.equal(list.after(segments[1] as Segment), segments[2])
  assert.equal(list.end, 30)
})
