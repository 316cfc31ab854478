/** Acknowledgements that wait for their commit: against a plain model, and those of a failed one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  PendingAcks,
  withFailure,
} from '../../../../../src/sources/mqtt-server/handlers/pending-acks.ts'
import { frame } from '../../../../support/mqtt/mqtt-wire.ts'

test('acknowledgements come out in their order, each with its cycle', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('add' as const),
      isNextCycle: fc.boolean(),
      isWaiting: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('take' as const), behind: fc.nat(2) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const acks = new PendingAcks()
      let model: { cycle: number; id: number }[] = []
      let cycle = 0
      let id = 0
      for (const action of steps) {
        if (action.kind === 'add') {
          if (action.isNextCycle) cycle++
          id++
          acks.add(action.isWaiting ? cycle : -1, 0x40, id)
          const last = model.at(-1)
          model.push({ cycle: Math.max(last?.cycle ?? -1, action.isWaiting ? cycle : -1), id })
        } else {
          const due = cycle - action.behind
          const bytes = acks.take(due) ?? Buffer.alloc(0)
          const ids: number[] = []
          for (let at = 0; at < bytes.length; at += 4) ids.push(bytes.readUInt16BE(at + 2))
          assert.deepEqual(
            ids,
            model.filter((ack) => ack.cycle <= due).map((ack) => ack.id),
          )
          model = model.filter((ack) => ack.cycle > due)
        }
        assert.equal(acks.pubackCount, model.length)
        assert.equal(acks.isEmpty, model.length === 0)
      }
    }),
  )
})

test('of a failed cycle only the plain acknowledgements fail, and their QoS 2 ids are free again', () => {
  const acks = Buffer.concat([
    frame(0x40, [0, 1]),
    frame(0x40, [0, 2, 0x97, 0]),
    frame(0x50, [0, 3]),
    frame(0x40, [0, 4, 0x00]),
  ])
  const released: number[] = []

  const failed = withFailure(acks, 0x83, (id) => released.push(id))

  assert.equal(
    failed.toString('hex'),
    '4003000183' + '4004000297' + '00' + '5003000383' + '4003000400',
  )
  assert.deepEqual(released, [3])
})
