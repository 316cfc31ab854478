import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InboundMessages } from '../../../src/sources/mqtt-client/inbound-messages.ts'
import { mqttClientOptions } from '../../../src/sources/mqtt-client/options.ts'
import { RecordingIntake, STATUS_TOPIC } from './recording-intake.ts'

/** The packet ids in a run of PUBACKs and PUBRECs of MQTT 3.1.1. */
function idsIn(packets: Buffer): number[] {
  return Array.from({ length: packets.length / 4 }, (_, index) =>
    packets.readUInt16BE(index * 4 + 2),
  )
}

function inboundOf(intake: RecordingIntake, maxUnacknowledged: number) {
  const acknowledged: number[] = []
  const session = { unreleased: new Map<number, number>(), reportedCycle: -1 }
  const inbound = new InboundMessages({
    options: mqttClientOptions.parse({ url: 'mqtt://broker', maxUnacknowledged }),
    intake,
    session,
    copies: undefined,
    write: (packets) => acknowledged.push(...idsIn(packets)),
  })
  intake.listen(inbound)
  return { inbound, acknowledged }
}

const message = fc.record({
  topic: fc.constantFrom('in/pump', 'in/pump', STATUS_TOPIC),
  payload: fc.constantFrom('m', 'm', 'refuse me'),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  retain: fc.boolean(),
})
const step = fc.oneof(
  { weight: 4, arbitrary: message },
  fc.constantFrom('commit' as const, 'fail' as const),
)

test('every message is acknowledged once, in the order they came, none before its commit, whatever happens', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (steps, max) => {
      const intake = new RecordingIntake()
      intake.commitsAtOnce = false
      const { inbound, acknowledged } = inboundOf(intake, max)
      const came: number[] = []
      const uncommitted = new Set<number>()
      let nextId = 1
      let isHeldBack = false

      for (const what of steps) {
        if (what === 'commit' || what === 'fail') {
          uncommitted.clear()
          if (what === 'commit') intake.commit()
          else intake.fail({ error: 'StorageFailed', message: 'no space left' })
        } else if (!isHeldBack) {
          const messageId = nextId++
          const isStored = what.topic === 'in/pump' && what.payload === 'm' && !what.retain
          if (what.qos > 0) came.push(messageId)
          if (what.qos > 0 && isStored) uncommitted.add(messageId)
          isHeldBack = true
          inbound.handle({ cmd: 'publish', dup: false, ...what, messageId }, () => {
            isHeldBack = false
          })
        }
        assert.deepEqual(acknowledged, came.slice(0, acknowledged.length))
        assert.ok(!acknowledged.some((id) => uncommitted.has(id)))
        assert.equal(isHeldBack, came.length - acknowledged.length >= max)
      }

      intake.commit()
      assert.deepEqual(acknowledged, came)
      assert.equal(isHeldBack, false)
    }),
    { numRuns: 1000 },
  )
})
