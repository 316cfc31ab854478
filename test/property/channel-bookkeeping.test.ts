/** Offset ranges and cursor positions, compared with models that keep every single offset. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CursorPosition } from '../../src/channels/cursors/cursor-position.ts'
import { OffsetRanges } from '../../src/channels/log/offset-ranges.ts'

const MAX_OFFSET = 40

const rangeOf = fc
  .tuple(fc.nat(MAX_OFFSET), fc.nat(MAX_OFFSET))
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))

test('offset ranges hold what a set of offsets would', () => {
  const operation = fc.record({
    kind: fc.constantFrom('add', 'add', 'delete', 'deleteBelow', 'collapse'),
    range: rangeOf,
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
      const ranges = new OffsetRanges()
      let model = new Set<number>()
      for (const { kind, range } of operations) {
        const { from, to } = range
        if (kind === 'add') {
          ranges.add(from, to)
          for (let offset = from; offset < to; offset += 1) model.add(offset)
        } else if (kind === 'delete') {
          ranges.delete(from, to)
          model = new Set([...model].filter((offset) => offset < from || offset >= to))
        } else if (kind === 'deleteBelow') {
          ranges.deleteBelow(from)
          model = new Set([...model].filter((offset) => offset >= from))
        } else {
          ranges.collapse(from, to)
          model = new Set(
            [...model]
              .filter((offset) => offset < from || offset >= to)
              .map((offset) => (offset < to ? offset : offset - (to - from))),
          )
        }
        assertSameOffsets(ranges, model)
      }
    }),
    { numRuns: 2_000 },
  )
})

function assertSameOffsets(ranges: OffsetRanges, model: ReadonlySet<number>): void {
  assert.equal(ranges.size, model.size)
  let end = -1
  for (const range of ranges) {
    assert.ok(range.from > end && range.to > range.from, 'ranges ascend and never touch')
    end = range.to
  }
  for (let offset = 0; offset <= MAX_OFFSET; offset += 1) {
    assert.equal(ranges.has(offset), model.has(offset))
    let gap = offset
    while (model.has(gap)) gap += 1
    assert.equal(ranges.firstGap(offset), gap)
    let end = gap
    while (end < MAX_OFFSET && !model.has(end)) end += 1
    if (gap <= MAX_OFFSET) assert.equal(ranges.gapEnd(gap, MAX_OFFSET), end)
  }
}

type Fate = 'free' | 'inFlight' | 'delivered' | 'rejected' | 'dropped'

/** A cursor that remembers the fate of every single offset. */
class CursorModel {
  fates: Fate[] = []
  committed = 0

  count(fate: Fate, end = this.fates.length): number {
    return this.fates.slice(0, end).filter((one) => one === fate).length
  }

  oldestFree(): number {
    const index = this.fates.indexOf('free')
    return index === -1 ? this.fates.length : index
  }
}

const cursorOperation = fc.record({
  kind: fc.constantFrom(
    'append',
    'append',
    'commit',
    'fail',
    'take',
    'take',
    'release',
    'deliver',
    'deliver',
    'reject',
    'dropTaken',
    'dropFree',
    'dropFree',
    'restart',
  ),
  count: fc.integer({ min: 1, max: 5 }),
  skip: fc.nat(3),
})

test('a cursor’s bookkeeping adds up after every step, failed commits and restarts included', () => {
  fc.assert(
    fc.property(fc.array(cursorOperation, { maxLength: 60 }), (operations) => {
      const model = new CursorModel()
      let cursor = new CursorPosition(0)
      for (const operation of operations) {
        cursor = step(cursor, model, operation)
        assertSamePosition(cursor, model)
      }
    }),
    { numRuns: 3_000 },
  )
})

function step(
  cursor: CursorPosition,
  model: CursorModel,
  { kind, count, skip }: { kind: string; count: number; skip: number },
): CursorPosition {
  const { fates } = model
  switch (kind) {
    case 'append':
      for (let i = 0; i < count; i += 1) fates.push('free')
      return cursor
    case 'commit':
      model.committed = Math.min(fates.length, model.committed + count)
      cursor.advance(model.committed)
      return cursor
    case 'fail': {
      const lost = Math.min(count, fates.length - model.committed)
      fates.splice(model.committed, lost)
      cursor.collapse(model.committed, model.committed + lost)
      return cursor
    }
    case 'take': {
      const from = cursor.oldestFree
      const to = cursor.freeUntil(from, Math.min(model.committed, from + count))
      if (from >= to) return cursor
      cursor.take(from, to)
      fates.fill('inFlight', from, to)
      return cursor
    }
    case 'dropFree': {
      const from = cursor.oldestFree
      const to = cursor.freeUntil(from, Math.min(fates.length, from + count))
      if (from >= to) return cursor
      cursor.dropFree(from, to, 'QueueFull', model.committed)
      cursor.advance(model.committed)
      fates.fill('dropped', from, to)
      return cursor
    }
    case 'restart': {
      const state = structuredClone(cursor.state(model.committed, []))
      fates.length = model.committed
      for (const [offset, fate] of fates.entries()) if (fate === 'inFlight') fates[offset] = 'free'
      return CursorPosition.restored(state, cursor.position, model.committed)
    }
    default:
      settleSome(cursor, model, kind, count, skip)
      return cursor
  }
}

function settleSome(
  cursor: CursorPosition,
  model: CursorModel,
  kind: string,
  count: number,
  skip: number,
): void {
  const inFlight = [...model.fates.keys()].filter((offset) => model.fates[offset] === 'inFlight')
  for (const offset of inFlight.slice(skip, skip + count)) {
    if (kind === 'release') {
      cursor.release(offset, offset + 1)
      model.fates[offset] = 'free'
    } else if (kind === 'deliver') {
      cursor.deliver(offset, offset + 1)
      model.fates[offset] = 'delivered'
    } else if (kind === 'reject') {
      cursor.reject(offset, offset + 1)
      model.fates[offset] = 'rejected'
    } else {
      cursor.dropTaken(offset, offset + 1, 'DuplicateMessageId')
      model.fates[offset] = 'dropped'
    }
  }
  cursor.advance(model.committed)
}

function assertSamePosition(cursor: CursorPosition, model: CursorModel): void {
  const { fates, committed } = model
  const dropped = Object.values(cursor.dropped).reduce((sum, count) => sum + count, 0)
  const unsettled = model.count('free') + model.count('inFlight')
  assert.equal(cursor.delivered, model.count('delivered'))
  assert.equal(cursor.rejected, model.count('rejected'))
  assert.equal(dropped, model.count('dropped'))
  assert.equal(cursor.inFlight, model.count('inFlight'))
  assert.equal(cursor.waiting(committed), model.count('free', committed))
  assert.equal(cursor.unsettled(fates.length), unsettled)
  assert.equal(cursor.base + cursor.delivered + cursor.rejected + dropped + unsettled, fates.length)
  assert.equal(cursor.oldestFree, model.oldestFree())
  const firstUnsettled = fates.findIndex((fate) => fate === 'free' || fate === 'inFlight')
  assert.equal(
    cursor.position,
    firstUnsettled === -1 ? committed : Math.min(firstUnsettled, committed),
  )
}

test('a state that does not fit its log is cut to fit, and still adds up', () => {
  const stateOf = fc.record({
    position: fc.nat(60),
    settled: fc.array(rangeOf, { maxLength: 4 }),
    delivered: fc.nat(60),
    rejected: fc.nat(20),
    dropped: fc.dictionary(fc.constantFrom('QueueFull', 'DataDamaged'), fc.nat(20)),
  })
  fc.assert(
    fc.property(stateOf, fc.nat(30), fc.nat(30), (state, start, length) => {
      const end = start + length

      const cursor = CursorPosition.restored(state, start, end)

      const dropped = Object.values(cursor.dropped).reduce((sum, count) => sum + count, 0)
      assert.ok(cursor.position >= start && cursor.position <= end)
      assert.ok(cursor.base >= 0 && cursor.delivered >= 0)
      assert.equal(
        cursor.base + cursor.delivered + cursor.rejected + dropped + cursor.unsettled(end),
        end,
      )
    }),
  )
})
