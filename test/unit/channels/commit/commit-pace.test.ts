import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommitPace } from '../../../../src/channels/commit/commit-pace.ts'

/** Cycles with commits of one millisecond. */
class Stream {
  readonly pace: CommitPace
  #now = 0

  constructor(minIntervalMs = 0) {
    this.pace = new CommitPace(minIntervalMs)
  }

  /**
   * Runs a cycle whose first message comes `gapMs` after the last commit, and whose messages are on
   * average `meanAgeMs` old when it begins. Returns how long it waited.
   */
  cycle(gapMs: number, meanAgeMs: number, commitMs = 1, bytes = 100): number {
    this.#now += gapMs
    const waitMs = this.pace.waitMs(bytes, this.#now)
    this.#now += waitMs
    this.pace.began(meanAgeMs, this.#now)
    this.#now += commitMs
    this.pace.ended(this.#now)
    return waitMs
  }
}

function warm(stream: Stream): Stream {
  for (let i = 0; i < 20; i += 1) stream.cycle(1000, 0)
  return stream
}

test('after a pause a cycle begins at once, under a steady stream 5 ms after the one before', () => {
  const stream = warm(new Stream())

  const idle = stream.cycle(1000, 0)
  const steady = [1, 2, 3].map(() => stream.cycle(0.5, 0.2))

  assert.equal(idle, 0)
  assert.deepEqual(steady, [3.5, 3.5, 3.5])
})

test('useless waits are tried more and more rarely, but never given up', () => {
  const stream = warm(new Stream())

  const waits: number[] = []
  for (let cycle = 0; cycle < 1000; cycle += 1) if (stream.cycle(0.5, 3) > 0) waits.push(cycle)
  for (let cycle = 0; cycle < 129; cycle += 1) stream.cycle(0.5, 0)
  const again = [1, 2, 3].map(() => stream.cycle(0.5, 0))

  assert.deepEqual(waits.slice(0, 6), [0, 2, 5, 10, 19, 36])
  assert.ok(waits.length < 16, `${waits.length} waits in 1000 cycles`)
  assert.deepEqual(again, [3.5, 3.5, 3.5])
})

test('messages that all came at the beginning of a wait show that it was useless', () => {
  const atItsBeginning = warm(new Stream())
  const allThroughIt = warm(new Stream())

  const closedLoop = [1, 2, 3].map(() => atItsBeginning.cycle(0.5, 3))
  const steady = [1, 2, 3].map(() => allThroughIt.cycle(0.5, 2))

  assert.deepEqual(closedLoop, [3.5, 0, 3.5])
  assert.deepEqual(steady, [3.5, 3.5, 3.5])
})

test('a cycle does not wait if it has many bytes, or if commits cost next to nothing', () => {
  const large = warm(new Stream()).cycle(0.5, 0, 1, 300_000)
  const memory = new Stream()
  const cheap = [1, 2, 3].map(() => memory.cycle(0.5, 0, 0.02))

  assert.equal(large, 0)
  assert.deepEqual(cheap, [0, 0, 0])
})

test('the operator’s minimum holds, whatever is staged', () => {
  const stream = new Stream(50)
  stream.cycle(1000, 0)

  assert.equal(stream.cycle(9, 40, 1, 1_000_000), 40)
  assert.equal(stream.cycle(9, 40, 1, 1_000_000), 40)
  assert.equal(stream.cycle(60, 0), 0)
})

test('sources may delay reading for as long as a cycle waits and a little more', () => {
  const disk = warm(new Stream()).pace
  const memory = new Stream()
  for (let cycle = 0; cycle < 20; cycle += 1) memory.cycle(0.5, 0, 0.02)
  const sparingly = warm(new Stream(1000)).pace

  assert.equal(disk.longestCollectingMs, 10)
  assert.equal(memory.pace.longestCollectingMs, 0)
  assert.equal(sparingly.longestCollectingMs, 10)
})
