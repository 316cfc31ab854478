import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DroppedMessages } from '../../../../src/channels/cursors/dropped-messages.ts'
import type { ChannelLog } from '../../../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../../../src/channels/log/memory-budget.ts'
import { MemoryLogStore } from '../../../../src/channels/log/memory-log-store.ts'
import { appendTexts } from '../../../support/channels/log-drafts.ts'
import { settled } from '../../../support/settled.ts'

const QUEUE_FULL = { error: 'QueueFull', message: 'full' }
const MEMORY_FULL = { error: 'MemoryFull', message: 'full' }

/** A log in memory whose dropped messages are reported. */
class DropRig {
  readonly store = new MemoryLogStore({ budget: new MemoryBudget(1_000_000) })
  readonly log: ChannelLog = this.store.create('c')
  /** Each as its payload and the code of its refusal. */
  readonly reported: string[] = []
  done = 0
  readonly dropped = new DroppedMessages({
    log: this.log,
    onDropped: ({ payload }, { error }) => void this.reported.push(`${payload} ${error}`),
    onDone: () => {
      this.done += 1
    },
  })
}

test('committed drops are reported in order, and the log is asked to keep them until then', async () => {
  const rig = new DropRig()
  appendTexts(rig.log, ['a', 'b', 'c', 'd'])
  await rig.store.commit()

  rig.dropped.add(0, 2, QUEUE_FULL)
  rig.dropped.add(3, 4, MEMORY_FULL)
  const needed = [0, 2, 3].map((offset) => rig.dropped.needs(offset))
  const neededFrom = rig.dropped.neededFrom
  await rig.dropped.settled()

  assert.deepEqual(needed, [true, false, true])
  assert.equal(neededFrom, 0)
  assert.deepEqual(rig.reported, ['a QueueFull', 'b QueueFull', 'd MemoryFull'])
  assert.equal(rig.dropped.neededFrom, Number.POSITIVE_INFINITY)
  assert.equal(rig.done, 1)
})

test('drops of staged messages are reported after their commit', async () => {
  const rig = new DropRig()
  appendTexts(rig.log, ['a', 'b'])
  rig.dropped.add(0, 1, QUEUE_FULL)
  await settled()
  const before = [...rig.reported]

  await rig.store.commit()
  rig.dropped.pump()
  await rig.dropped.settled()

  assert.deepEqual(before, [])
  assert.deepEqual(rig.reported, ['a QueueFull'])
})

test('after a failed commit only drops of later messages are left, under their new offsets', () => {
  const rig = new DropRig()
  rig.dropped.add(0, 4, QUEUE_FULL)
  rig.dropped.add(5, 6, MEMORY_FULL)

  rig.dropped.collapse(0, 3)

  assert.deepEqual(rig.dropped.unreported, [
    { from: 0, to: 1, code: 'QueueFull' },
    { from: 2, to: 3, code: 'MemoryFull' },
  ])
})

test('a drop whose messages are gone is passed over', async () => {
  const rig = new DropRig()
  appendTexts(rig.log, ['a', 'b', 'c'])
  await rig.store.commit()
  rig.log.remove?.(0)

  rig.dropped.add(0, 1, QUEUE_FULL)
  rig.dropped.add(2, 3, QUEUE_FULL)
  await rig.dropped.settled()

  assert.deepEqual(rig.reported, ['c QueueFull'])
  assert.equal(rig.dropped.neededFrom, Number.POSITIVE_INFINITY)
})
