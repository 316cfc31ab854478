/** Packets of one connection that must wait: why, in which order they go on, and what may overtake them. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Refusal } from '../../../../../src/message.ts'
import { silentObserver } from '../../../../../src/observer.ts'
import { everythingPermitted } from '../../../../../src/sources/mqtt-server/access/access-control.ts'
import { Broker } from '../../../../../src/sources/mqtt-server/broker/broker.ts'
import { ServerReports } from '../../../../../src/sources/mqtt-server/broker/server-reports.ts'
import {
  DeferredPackets,
  type PacketHost,
} from '../../../../../src/sources/mqtt-server/connection/deferred-packets.ts'
import {
  PauseReason,
  ReadState,
} from '../../../../../src/sources/mqtt-server/connection/read-state.ts'
import { ReadThrottle } from '../../../../../src/sources/mqtt-server/connection/read-throttle.ts'
import { DEFAULT_LIMITS } from '../../../../../src/sources/mqtt-server/limits/limits.ts'
import { LoopTurns } from '../../../../../src/sources/mqtt-server/limits/loop-turns.ts'
import { PacketType, ReasonCode } from '../../../../../src/sources/mqtt-server/packets/protocol.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { RecordingIntake } from '../../../../support/mqtt/recording-intake.ts'

const FULL = { error: 'StorageFull', message: 'the disk is full' } as const
const PUBLISH = PacketType.publish << 4
const PINGREQ = PacketType.pingreq << 4
const DISCONNECT = PacketType.disconnect << 4
const MAX_HELD_BYTES = 1_000

/** A connection that notes each packet it handles, and can't store messages while it is full. */
class Host implements PacketHost {
  readonly handled: string[] = []
  readonly sentAway: Refusal[] = []
  isLeaving = false
  isFull = false
  timesCaughtUp = 0
  packets: DeferredPackets | undefined

  frame(first: number, bytes: Buffer, start: number, end: number): boolean {
    const { packets } = this
    if (packets === undefined) return false
    if (packets.mustWait(first >> 4)) {
      packets.add(first, bytes, start, end)
      return true
    }
    if (first === PUBLISH && this.isFull && !this.isLeaving) {
      packets.withhold(FULL, first, bytes, start, end)
      return this.sentAway.length === 0
    }
    this.handled.push(first === PINGREQ ? 'ping' : bytes.toString('latin1', start, end))
    return true
  }

  guarded(work: () => void): void {
    work()
  }

  metered(work: () => void): void {
    work()
  }

  caughtUp(): void {
    this.timesCaughtUp++
  }

  sendAway(refusal: Refusal): void {
    this.sentAway.push(refusal)
    this.packets?.close()
  }
}

function open(maxHeldBytesOfAll = DEFAULT_LIMITS.maxHeldBytesOfAll) {
  const clock = new ManualClock()
  const intake = new RecordingIntake()
  const withheld: string[] = []
  const reports = new ServerReports(
    { ...silentObserver, messageWithheld: (_source, code) => void withheld.push(code) },
    'mqttServer',
  )
  const limits = { ...DEFAULT_LIMITS, maxHeldBytes: MAX_HELD_BYTES, maxHeldBytesOfAll }
  const broker = new Broker({ intake, limits, clock, reports, protectedTopics: [] })
  intake.listen(broker.commitGate)
  const access = {
    identify: () => ({ userName: undefined }),
    permissionsOf: () => everythingPermitted,
    isCurrent: () => true,
  }
  const context = { broker, access, limits, clock, reports, revealsRefusals: true }
  const readState = new ReadState(new PassThrough())
  const turns = new LoopTurns()
  const { coalescing } = broker.commitGate
  const throttle = new ReadThrottle({ readState, turns, clock, limits, coalescing })
  const host = new Host()
  const packets = new DeferredPackets({ readState, throttle, context, turns, host })
  host.packets = packets
  return {
    clock,
    intake,
    readState,
    throttle,
    host,
    packets,
    context,
    withheld,
    /** A PUBLISH with this payload arrives. */
    publish(text: string): void {
      const bytes = Buffer.from(text)
      host.frame(PUBLISH, bytes, 0, bytes.length)
    },
    ping: () => host.frame(PINGREQ, Buffer.alloc(0), 0, 0),
    disconnect: () => host.frame(DISCONNECT, Buffer.from('bye'), 0, 3),
  }
}

test('while commits are behind messages wait, and a ping overtakes them', () => {
  const { publish, ping, intake, host } = open()
  intake.isSaturated = true
  publish('a')
  publish('b')
  ping()
  const meanwhile = [...host.handled]

  intake.isSaturated = false
  intake.commit()

  assert.deepEqual(meanwhile, ['ping'])
  assert.deepEqual(host.handled, ['ping', 'a', 'b'])
  assert.equal(host.timesCaughtUp, 1)
})

test('while the connection is locked all packets wait, pings too, and go on in their order', () => {
  const { publish, ping, packets, host, readState } = open()
  packets.lock()
  ping()
  publish('a')
  const isLocked = readState.isPausedFor(PauseReason.locked)
  const meanwhile = [...host.handled]

  packets.unlock()

  assert.equal(isLocked, true)
  assert.deepEqual(meanwhile, [])
  assert.deepEqual(host.handled, ['ping', 'a'])
  assert.equal(readState.isReading, true)
})

test('work of several turns locks the connection until it is done', async () => {
  const { publish, packets, host, readState } = open()
  let turns = 0
  packets.inTurns(() => ++turns === 3)
  publish('a')

  await nextTurn()
  const afterTwo = [turns, host.handled.length]
  await nextTurn()

  assert.deepEqual(afterTwo, [2, 0])
  assert.equal(turns, 3)
  assert.deepEqual(host.handled, ['a'])
  assert.equal(readState.isReading, true)
})

test('work that is done in its first turn locks nothing', () => {
  const { publish, packets, host } = open()

  packets.inTurns(() => true)
  publish('a')

  assert.deepEqual(host.handled, ['a'])
})

test('packets beyond those of a turn go on in the next one', async () => {
  const { publish, throttle, host } = open()
  throttle.refresh()
  for (let i = 0; i < 4_096; i++) throttle.countPacket(PacketType.publish, 10)
  publish('a')
  const before = host.handled.length

  await nextTurn()

  assert.equal(before, 0)
  assert.deepEqual(host.handled, ['a'])
})

test('when too many bytes wait the socket is paused, until the last of them has gone on', () => {
  const { publish, intake, readState } = open()
  intake.isSaturated = true
  publish('x'.repeat(MAX_HELD_BYTES - 5))
  const atLimit = readState.isReading
  publish('y')
  const above = readState.isPausedFor(PauseReason.deferred)

  intake.isSaturated = false
  intake.commit()

  assert.equal(atLimit, true)
  assert.equal(above, true)
  assert.equal(readState.isReading, true)
})

test('a message that can’t be stored stays the first; it is reported once and offered again', () => {
  const { publish, ping, clock, host, withheld } = open()
  host.isFull = true
  publish('a')
  publish('b')
  ping()
  clock.advance(20)
  clock.advance(40)
  const meanwhile = [...host.handled]

  host.isFull = false
  clock.advance(80)

  assert.deepEqual(meanwhile, ['ping'])
  assert.deepEqual(host.handled, ['ping', 'a', 'b'])
  assert.deepEqual(withheld, ['StorageFull'])
})

test('a client whose message can’t be stored for 10 s is sent away', () => {
  const { publish, clock, host } = open()
  host.isFull = true
  publish('a')

  clock.advance(9_999)
  const early = host.sentAway.length
  clock.advance(1)

  assert.equal(early, 0)
  assert.deepEqual(host.sentAway, [FULL])
})

test('a client that disconnects does not wait until its message can be stored', () => {
  const { publish, disconnect, host } = open()
  host.isFull = true
  publish('a')

  disconnect()

  assert.equal(host.isLeaving, true)
  assert.deepEqual(host.handled, ['a', 'bye'])
})

test('a client whose messages were lost is sent away after a pause, and no packet goes on meanwhile', () => {
  const { publish, packets, clock, host } = open()
  packets.endSoon(FULL)
  packets.endSoon(FULL)
  publish('a')

  clock.advance(999)
  const early = host.sentAway.length
  clock.advance(1)

  assert.equal(early, 0)
  assert.deepEqual(host.sentAway, [FULL])
  assert.deepEqual(host.handled, [])
})

test('after close nothing goes on, and no timer is left', () => {
  const { publish, packets, clock, intake, host } = open()
  host.isFull = true
  publish('a')

  packets.close()
  host.isFull = false
  clock.advance(60_000)
  intake.commit()

  assert.deepEqual(host.handled, [])
  assert.equal(clock.pendingCalls, 0)
  assert.equal(packets.isEmpty, true)
})

test('a connection with more packets than there is room for ends, and holds nothing any more', () => {
  const { publish, packets, intake, context } = open(20_000)
  intake.isSaturated = true

  assert.throws(
    () => {
      for (let i = 0; i < 100; i++) publish('x'.repeat(1_000))
    },
    { name: 'ProtocolViolation', reasonCode: ReasonCode.quotaExceeded, message: /^no room for/ },
  )
  const held = context.broker.connectionBytes.held.used
  packets.close()

  assert.ok(held > 4_096 && held <= 20_000, `${held}`)
  assert.equal(context.broker.connectionBytes.held.used, 0)
})

test('pings that overtake waiting messages have their part of a turn, and then wait as well', async () => {
  const { publish, ping, intake, host, throttle } = open()
  intake.isSaturated = true
  publish('a')
  throttle.refresh()
  for (let i = 0; i < 6_000; i++) {
    throttle.countPacket(PacketType.pingreq, 0)
    ping()
  }
  const atOnce = host.handled.length

  intake.isSaturated = false
  intake.commit()
  for (let i = 0; i < 10; i++) await nextTurn()

  assert.ok(atOnce > 4_000 && atOnce < 5_000, `${atOnce}`)
  assert.equal(host.handled.length, 6_001)
})
