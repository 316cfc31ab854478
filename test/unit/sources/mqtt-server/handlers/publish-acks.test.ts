/** Acknowledgements of one client: when they are sent, and what becomes of them if a commit fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CountedDurations, silentObserver } from '../../../../../src/observer.ts'
import { AckDelays } from '../../../../../src/sources/mqtt-server/broker/ack-delays.ts'
import { CommitGate } from '../../../../../src/sources/mqtt-server/broker/commit-gate.ts'
import { ServerReports } from '../../../../../src/sources/mqtt-server/broker/server-reports.ts'
import {
  PublishAcks,
  reasonCodeOf,
} from '../../../../../src/sources/mqtt-server/handlers/publish-acks.ts'
import { DEFAULT_LIMITS } from '../../../../../src/sources/mqtt-server/limits/limits.ts'
import { Owner } from '../../../../../src/sources/mqtt-server/limits/owner.ts'
import {
  PacketType,
  type ProtocolVersion,
  ReasonCode,
} from '../../../../../src/sources/mqtt-server/packets/protocol.ts'
import { QueueTotal } from '../../../../../src/sources/mqtt-server/sessions/outgoing-queue.ts'
import { Session } from '../../../../../src/sources/mqtt-server/sessions/session.ts'
import { Statistics } from '../../../../../src/sources/mqtt-server/topics/statistics.ts'
import { NO_CYCLE } from '../../../../../src/sources/source.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { RecordingIntake } from '../../../../support/mqtt/recording-intake.ts'
import { RecordingLink } from '../../../../support/mqtt/recording-link.ts'

const FULL = { error: 'StorageFull', message: 'the disk is full' } as const
const PUBACK = PacketType.puback << 4
const PUBREC = PacketType.pubrec << 4

function open(version: ProtocolVersion = 5) {
  const clock = new ManualClock()
  /** The PUBACKs of each commit: how many, and how long they waited altogether. */
  const waited: { pubacks: number; seconds: number }[] = []
  const observer = {
    ...silentObserver,
    acknowledged: (_source: string, { total, sumSeconds }: CountedDurations) => {
      waited.push({ pubacks: total, seconds: sumSeconds })
    },
  }
  const delays = new AckDelays(clock, new ServerReports(observer, 'mqttServer'))
  const gate = new CommitGate(new RecordingIntake(), undefined, () => undefined, delays)
  const session = new Session({
    clientId: 'c',
    limits: DEFAULT_LIMITS,
    statistics: new Statistics(),
    clock,
    queued: new QueueTotal(DEFAULT_LIMITS),
    owner: new Owner(undefined),
  })
  const link = new RecordingLink({ version })
  const acks = new PublishAcks(gate, session, link)
  return {
    clock,
    waited,
    gate,
    session,
    link,
    /** Messages of this cycle were taken, and all packets of a chunk have been handled. */
    taken(cycle: number, ...packetIds: number[]): void {
      for (const packetId of packetIds) acks.pending.add(cycle, PUBACK, packetId)
      acks.flushFinished()
    },
    takenQos2(cycle: number, packetId: number): void {
      session.received(packetId, cycle, 0)
      acks.pending.add(cycle, PUBREC, packetId)
      acks.flushFinished()
    },
  }
}

test('a message that waits for no commit is acknowledged at once', () => {
  const { taken, link } = open()

  taken(NO_CYCLE, 1, 2)

  assert.deepEqual(link.take(), ['puback 1', 'puback 2'])
})

test('messages are acknowledged with their commit, and later ones with theirs', () => {
  const { taken, gate, link } = open()
  taken(0, 1)
  taken(0, 2)
  taken(1, 3)
  const before = link.take()

  gate.committed(0)
  const first = link.take()
  gate.committed(1)

  assert.deepEqual(before, [])
  assert.deepEqual(first, ['puback 1', 'puback 2'])
  assert.deepEqual(link.take(), ['puback 3'])
})

test('a client that publishes again after its acknowledgements is acknowledged again', () => {
  const { taken, gate, link } = open()
  taken(0, 1)
  gate.committed(0)
  link.take()

  taken(1, 2)
  gate.committed(1)

  assert.deepEqual(link.take(), ['puback 2'])
})

test('MQTT 5: messages of a failed commit get a reason code, and those before it are acknowledged', () => {
  const { taken, takenQos2, gate, session, link } = open()
  taken(0, 1)
  takenQos2(1, 2)
  taken(2, 3)

  gate.failed(1, FULL)
  const afterFailure = link.take()
  gate.committed(2)

  assert.deepEqual(afterFailure, ['puback 1', `pubrec 2 code ${ReasonCode.quotaExceeded}`])
  assert.deepEqual(link.take(), ['puback 3'])
  assert.equal(session.receivedIn(2), undefined)
  assert.equal(link.endsSoon, undefined)
})

test('MQTT 3.1.1: from a failed commit on no message is acknowledged, and the connection ends soon', () => {
  const { taken, gate, link } = open(4)
  taken(0, 1)
  taken(1, 2)
  taken(2, 3)

  gate.failed(1, FULL)
  gate.committed(2)

  assert.deepEqual(link.take(), ['puback 1'])
  assert.equal(link.endsSoon, FULL)
})

test('MQTT 3.1.1: a failed commit without messages of the client changes nothing for it', () => {
  const { taken, gate, link } = open(4)
  taken(1, 1)

  gate.failed(0, FULL)
  gate.committed(1)

  assert.deepEqual(link.take(), ['puback 1'])
  assert.equal(link.endsSoon, undefined)
})

test('an error code without a reason code of its own is an implementation specific error', () => {
  assert.equal(reasonCodeOf('StorageFull'), ReasonCode.quotaExceeded)
  assert.equal(reasonCodeOf('NotAuthorized'), ReasonCode.notAuthorized)
  assert.equal(reasonCodeOf('Unexpected'), ReasonCode.implementationSpecific)
})

test('the PUBACKs of a commit are reported together, with the time that their messages waited', () => {
  const { taken, takenQos2, gate, clock, waited } = open()
  taken(0, 1, 2)
  clock.advance(250)
  taken(1, 3)
  takenQos2(1, 4)
  clock.advance(250)

  gate.committed(0)
  gate.committed(1)
  gate.committed(2)

  assert.deepEqual(waited, [
    { pubacks: 2, seconds: 1 },
    { pubacks: 1, seconds: 0.25 },
  ])
})

test('messages of a failed commit have no time until their PUBACK', () => {
  const { taken, gate, clock, waited } = open()
  taken(0, 1)
  clock.advance(100)

  gate.failed(0, FULL)
  taken(1, 2)
  gate.committed(1)

  assert.deepEqual(waited, [{ pubacks: 1, seconds: 0 }])
})
