/** A log's frames in the journal, compared with plain lists. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Extents } from '../../../../../src/channels/disk/journal/extents.ts'
import type { PlacedFrame } from '../../../../../src/channels/disk/journal/slot.ts'
import { Slot, type SlotUser } from '../../../../../src/channels/disk/journal/slot.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 300)
const NOBODY: SlotUser = { settle: () => Promise.resolve(), forget() {} }

type Step =
  | { readonly do: 'add'; readonly count: number; readonly bytes: number; readonly isNew: boolean }
  | { readonly do: 'release'; readonly share: number }
  | { readonly do: 'forget' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      count: fc.integer({ min: 1, max: 9 }),
      bytes: fc.integer({ min: 44, max: 3_000 }),
      isNew: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const) }) },
)

/** All frames, oldest first, and the offset up to which they were released. */
class Model {
  frames: PlacedFrame[] = []
  releasedTo = 0
  end = 0

  get held(): PlacedFrame[] {
    return this.frames.filter((frame) => frame.endOffset > this.releasedTo)
  }

  get heldBytes(): number {
    return this.held.reduce((sum, frame) => sum + frame.bytes, 0)
  }

  heldEnd(bytes: number): number | undefined {
    let sum = 0
    for (const frame of this.held) {
      sum += frame.bytes
      if (sum >= bytes) return frame.endOffset
    }
    return this.held.at(-1)?.endOffset
  }

  /** The oldest slot, if nothing in it is held and it is not being written. */
  get oldestGone(): Slot | undefined {
    const slot = this.frames[0]?.slot
    const isNewest = slot === this.frames.at(-1)?.slot
    return isNewest || this.held.some((frame) => frame.slot === slot) ? undefined : slot
  }
}

test('extents find, hold and release frames like a plain list', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const extents = new Extents(NOBODY)
      const model = new Model()
      let slot = new Slot(0, '0.jnl', 8192)
      let position = 4096

      for (const one of steps) {
        if (one.do === 'add') {
          if (one.isNew) {
            slot = new Slot(slot.number + 1, `${slot.number + 1}.jnl`, 8192)
            position = 4096
          }
          const frame = {
            slot,
            position,
            bytes: one.bytes,
            firstOffset: model.end,
            endOffset: model.end + one.count,
            newestReceivedAt: model.end,
          }
          position += one.bytes
          model.end = frame.endOffset
          model.frames.push(frame)
          extents.add(frame)
        } else if (one.do === 'release') {
          const before = model.heldBytes
          model.releasedTo = Math.max(model.releasedTo, Math.floor(one.share * model.end))
          assert.equal(extents.release(model.releasedTo), before - model.heldBytes)
        } else {
          const gone = model.oldestGone
          if (gone === undefined) continue
          const [first] = model.frames
          model.frames = model.frames.filter((frame) => frame.slot !== gone)
          assert.equal(extents.forget(gone)?.firstOffset, first?.firstOffset)
        }
        compare(extents, model)
      }
    }),
    { numRuns: RUNS },
  )
})

function compare(extents: Extents, model: Model): void {
  assert.equal(extents.heldBytes, model.heldBytes)
  assert.equal(extents.firstOffset, model.frames[0]?.firstOffset)
  for (const bytes of [1, 500, 64 * 1024]) {
    assert.equal(extents.heldEnd(bytes), model.heldEnd(bytes), `heldEnd of ${bytes}`)
  }
  for (let offset = 0; offset <= model.end; offset++) {
    const frame = model.frames.find((one) => one.firstOffset <= offset && offset < one.endOffset)
    const extent = extents.find(offset)
    assert.equal(extent?.slot, frame?.slot, `slot of ${offset}`)
    // The table of an extent that is not needed any more is built again on demand.
    if (extent?.frames === undefined && !model.held.some((one) => one.slot === frame?.slot))
      continue
    const index = extent?.frames?.indexOf(offset) ?? -1
    assert.equal(extent?.frames?.position(index), frame?.position, `position of ${offset}`)
    assert.equal(extent?.frames?.bytes(index), frame?.bytes, `bytes of ${offset}`)
  }
  for (const slot of new Set(model.frames.map((frame) => frame.slot))) {
    const isHeld = model.held.some((frame) => frame.slot === slot)
    // The slot being written may be released later: nobody asks before it is closed.
    if (isHeld) assert.equal(slot.neededBy.size, 1)
    else if (model.releasedTo >= model.end) assert.equal(slot.neededBy.size, 0)
    assert.equal(slot.users.size, 1)
  }
}

test('a slot is needed from its first frame until its last one is released', () => {
  const extents = new Extents(NOBODY)
  const slots = [new Slot(0, '0.jnl', 8192), new Slot(1, '1.jnl', 8192)] as const
  const frame = { position: 4096, bytes: 100, newestReceivedAt: 1 }
  extents.add({ ...frame, slot: slots[0], firstOffset: 0, endOffset: 3 })
  extents.add({ ...frame, slot: slots[1], firstOffset: 3, endOffset: 6 })
  const needed = () => slots.map((slot) => slot.neededBy.size)

  const atFirst = needed()
  extents.release(2)
  const inPart = needed()
  extents.release(3)
  const first = needed()
  extents.release(6)
  const both = needed()
  extents.add({ ...frame, slot: slots[1], firstOffset: 6, endOffset: 7 })
  const again = needed()

  assert.deepEqual(
    [atFirst, inPart, first, both, again],
    [
      [1, 1],
      [1, 1],
      [0, 1],
      [0, 0],
      [0, 1],
    ],
  )
})

test('history that was found comes before the journal’s frames, and takes no room', () => {
  const extents = new Extents(NOBODY)
  const [older, newer, current] = [0, 1, 2].map((number) => new Slot(number, `${number}.jnl`, 8192))
  const frame = { position: 4096, bytes: 100, newestReceivedAt: 1 }
  extents.add({ ...frame, slot: current!, firstOffset: 20, endOffset: 30 })

  extents.addHistory(newer!, 10, 20)
  extents.addHistory(older!, 0, 10)

  assert.equal(extents.heldBytes, 100)
  assert.equal(extents.heldEnd(1), 30)
  assert.deepEqual(
    [0, 9, 10, 19, 20, 29, 30].map((offset) => extents.find(offset)?.slot),
    [older, older, newer, newer, current, current, undefined],
  )
  extents.forget(older!)
  assert.equal(extents.firstOffset, 10)
  assert.equal(extents.release(30), 100)
})
