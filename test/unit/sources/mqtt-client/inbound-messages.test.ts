import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InboundMessages } from '../../../../src/sources/mqtt-client/inbound-messages.ts'
import { mqttClientOptions } from '../../../../src/sources/mqtt-client/options.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { STATUS_TOPIC } from '../../../support/mqtt/mqtt-server-under-test.ts'
import type { RecordingIntake } from '../../../support/mqtt/recording-intake.ts'
import { clientIntake } from '../../../support/mqtt/source-on-broker.ts'

/** The packet ids in a run of PUBACKs and PUBRECs of MQTT 3.1.1. */
function idsIn(packets: Buffer): number[] {
  return Array.from({ length: packets.length / 4 }, (_, index) =>
    packets.readUInt16BE(index * 4 + 2),
  )
}

function inboundOf(intake: RecordingIntake, maxUnacknowledged: number) {
  const acknowledged: number[] = []
  const clock = new ManualClock()
  const ended = { isLost: false }
  const session = { unreleased: new Map<number, number>(), reportedCycle: -1 }
  const inbound = new InboundMessages({
    options: mqttClientOptions.parse({ url: 'mqtt://broker', maxUnacknowledged }),
    intake,
    session,
    duplicates: undefined,
    clock,
    withheld: () => {},
    write: (packets) => acknowledged.push(...idsIn(packets)),
    lost: () => {
      ended.isLost = true
      inbound.closed()
    },
  })
  intake.listen(inbound)
  return { inbound, acknowledged, clock, ended }
}

const message = fc.record({
  topic: fc.constantFrom('in/pump', 'in/pump', STATUS_TOPIC),
  payload: fc.constantFrom('m', 'm', 'refuse me'),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  retain: fc.boolean(),
})
const step = fc.oneof(
  { weight: 6, arbitrary: message },
  fc.constantFrom('commit' as const, 'commit' as const, 'fail' as const),
  fc.constantFrom('full' as const, 'well' as const),
)

test('every message is acknowledged once, in order, and only when it is stored, whatever happens', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (steps, max) => {
      const intake = clientIntake(false)
      const { inbound, acknowledged, clock, ended } = inboundOf(intake, max)
      const came: number[] = []
      const unstored = new Set<number>()
      let nextId = 1
      let isHeldBack = false
      let waiting: number | undefined

      for (const what of steps) {
        if (what === 'commit') {
          unstored.clear()
          if (waiting !== undefined) unstored.add(waiting)
          intake.commit()
        } else if (what === 'fail') {
          intake.fail({ error: 'StorageFailed', message: 'no space left' })
          // A lost message is never acknowledged, nor is any message after it.
          if (ended.isLost) break
        } else if (what === 'full' || what === 'well') {
          intake.isFull = what === 'full'
          clock.advance(2_000)
          if (!intake.isFull) waiting = undefined
        } else if (!isHeldBack) {
          const messageId = nextId++
          const isStored = what.topic === 'in/pump' && what.payload === 'm' && !what.retain
          if (what.qos > 0) came.push(messageId)
          if (what.qos > 0 && isStored) unstored.add(messageId)
          if (what.qos > 0 && isStored && intake.isFull) waiting = messageId
          isHeldBack = true
          inbound.handle({ cmd: 'publish', dup: false, ...what, messageId }, () => {
            isHeldBack = false
          })
        }
        assert.deepEqual(acknowledged, came.slice(0, acknowledged.length))
        assert.ok(!acknowledged.some((id) => unstored.has(id)))
        const isFull = came.length - acknowledged.length >= max
        assert.equal(isHeldBack, isFull || waiting !== undefined)
      }

      intake.isFull = false
      clock.advance(2_000)
      intake.commit()
      if (ended.isLost) {
        assert.deepEqual(acknowledged, came.slice(0, acknowledged.length))
        assert.ok(!acknowledged.some((id) => unstored.has(id)))
        return
      }
      assert.deepEqual(acknowledged, came)
      assert.equal(isHeldBack, false)
    }),
    { numRuns: 1000 },
  )
})
