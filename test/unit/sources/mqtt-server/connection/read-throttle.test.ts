/**
 * How much of one connection is read in a turn of the event loop, in a second, and in a commit
 * cycle.
 */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ReadCoalescing } from '../../../../../src/sources/mqtt-server/broker/read-coalescing.ts'
import {
  PauseReason,
  ReadState,
} from '../../../../../src/sources/mqtt-server/connection/read-state.ts'
import { ReadThrottle } from '../../../../../src/sources/mqtt-server/connection/read-throttle.ts'
import { LoopTurns } from '../../../../../src/sources/mqtt-server/limits/loop-turns.ts'
import {
  WORK_ALWAYS_DONE,
  WORK_OF_ALL_A_TURN,
} from '../../../../../src/sources/mqtt-server/limits/work.ts'
import { PacketType } from '../../../../../src/sources/mqtt-server/packets/protocol.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { RecordingIntake } from '../../../../support/mqtt/recording-intake.ts'

const BYTES_A_TURN = 65_536
const PACKETS_A_TURN = 4_096

function open(maxMessagesPerSecond = Number.POSITIVE_INFINITY, turns = new LoopTurns()) {
  const clock = new ManualClock()
  const intake = new RecordingIntake()
  const coalescing = new ReadCoalescing(intake)
  const readState = new ReadState(new PassThrough())
  const limits = { maxMessagesPerSecond }
  const throttle = new ReadThrottle({ readState, turns, clock, limits, coalescing })
  return {
    clock,
    intake,
    coalescing,
    readState,
    throttle,
    /** A chunk of this length arrives, and its packets are handled. */
    read(bytes: number, publishes = 0): void {
      throttle.countBytes(bytes)
      for (let i = 0; i < publishes; i++) throttle.countPacket(PacketType.publish, 10)
      throttle.chunkHandled(bytes)
    },
  }
}

/** How many turns of the event loop pass until `isTrue`. */
async function turnsUntil(isTrue: () => boolean): Promise<number> {
  for (let turns = 0; turns < 100; turns++) {
    if (isTrue()) return turns
    await nextTurn()
  }
  throw new Error('not true within 100 turns')
}

test('a socket that has had its bytes of this turn is read again in the next turn', async () => {
  const { read, readState } = open()

  read(BYTES_A_TURN - 1)
  const before = readState.isReading
  read(1)
  const after = readState.isPausedFor(PauseReason.turn)
  await nextTurn()

  assert.equal(before, true)
  assert.equal(after, true)
  assert.equal(readState.isReading, true)
})

test('packets beyond those of a turn wait for the next one; what a packet causes counts as well', async () => {
  const { read, throttle } = open()
  const calls: string[] = []

  read(100, PACKETS_A_TURN - 256)
  throttle.charge(256)
  throttle.whenFree(() => calls.push('free'))
  throttle.whenFree(() => calls.push('asked twice'))
  const isExhausted = throttle.isExhausted
  await nextTurn()
  throttle.refresh()

  assert.equal(isExhausted, true)
  assert.deepEqual(calls, ['free'])
  assert.equal(throttle.isExhausted, false)
})

test('work beyond the budget of a turn is paid in the turns that follow', async () => {
  const { read, throttle } = open()

  read(100, 1)
  throttle.charge(2 * PACKETS_A_TURN)
  const turnsUntilFree = await turnsUntil(() => {
    throttle.refresh()
    return !throttle.isExhausted
  })

  assert.equal(turnsUntilFree, 2)
})

test('when all clients together have spent a turn, those that did little in it still go on', async () => {
  const turns = new LoopTurns()
  const [busy, busyToo, polite] = [
    open(undefined, turns),
    open(undefined, turns),
    open(undefined, turns),
  ]

  busy.read(100, 1)
  busy.throttle.charge(WORK_OF_ALL_A_TURN)
  busyToo.read(100, WORK_ALWAYS_DONE)
  polite.read(100, 1)
  const exhausted = [busyToo, polite].map(({ throttle }) => throttle.isExhausted)
  await nextTurn()
  busyToo.throttle.refresh()

  assert.deepEqual(exhausted, [true, false])
  assert.equal(busyToo.throttle.isExhausted, false)
})

test('messages above the rate wait at least 20 ms, and then those of that time go on', () => {
  const { read, throttle, clock } = open(100)
  let isFree = false

  read(100, 100)
  throttle.whenFree(() => {
    isFree = true
  })
  clock.advance(19)
  const early = isFree
  clock.advance(1)
  throttle.refresh()

  assert.equal(early, false)
  assert.equal(isFree, true)
  throttle.countPacket(PacketType.publish, 10)
  assert.equal(throttle.isExhausted, false)
  throttle.countPacket(PacketType.publish, 10)
  assert.equal(throttle.isExhausted, true)
})

test('a slow rate waits until a whole message is allowed', () => {
  const { read, throttle, clock } = open(2)
  let isFree = false

  read(100, 2)
  throttle.whenFree(() => {
    isFree = true
  })
  clock.advance(499)
  const early = isFree
  clock.advance(1)

  assert.equal(early, false)
  assert.equal(isFree, true)
})

test('a client that was silent may send the messages of one second at once, not more', () => {
  const { throttle, clock } = open(10)
  clock.advance(60_000)
  throttle.refresh()

  let taken = 0
  while (!throttle.isExhausted) {
    throttle.countPacket(PacketType.publish, 10)
    taken++
  }

  assert.equal(taken, 10)
})

test('a client that is read twice in one cycle is left unread until the cycle closes', () => {
  const { read, readState, intake, coalescing } = open()
  intake.isCollecting = true

  read(100)
  const afterFirst = readState.isReading
  read(100)
  const afterSecond = readState.isPausedFor(PauseReason.collecting)
  const hasReaders = coalescing.closing()

  assert.equal(afterFirst, true)
  assert.equal(afterSecond, true)
  assert.equal(hasReaders, true)
  assert.equal(readState.isReading, true)
})

test('in the next cycles a steady client is left unread after one read, but only for some cycles', () => {
  const { read, readState, intake, coalescing } = open()
  intake.isCollecting = true
  read(100)
  read(100)
  coalescing.closing()

  read(100)
  const next = readState.isReading
  for (let cycle = 0; cycle < 21; cycle++) coalescing.closing()
  read(100)

  assert.equal(next, false)
  assert.equal(readState.isReading, true)
})

test('a steady client is read on if its reads are large, or if the cycle is not collecting', () => {
  const { read, readState, intake } = open()
  intake.isCollecting = true
  read(100)

  read(4_096)
  const afterLarge = readState.isReading
  intake.isCollecting = false
  read(100)

  assert.equal(afterLarge, true)
  assert.equal(readState.isReading, true)
})
