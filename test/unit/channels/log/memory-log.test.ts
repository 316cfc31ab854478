import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelLog } from '../../../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../../../src/channels/log/memory-budget.ts'
import { MemoryLogStore } from '../../../../src/channels/log/memory-log-store.ts'
import type { Draft } from '../../../../src/message.ts'
import { testChannelLog } from '../../../contract/channel-log.contract.ts'

testChannelLog({
  name: 'MemoryLog',
  async open() {
    const store = new MemoryLogStore({ budget: new MemoryBudget(100_000_000) })
    await store.open()
    return store
  },
})

function openLog(keepsHistory = false): {
  log: ChannelLog
  store: MemoryLogStore
  budget: MemoryBudget
} {
  const budget = new MemoryBudget(10_000)
  const store = new MemoryLogStore({ budget, keepsHistory })
  return { log: store.create('c'), store, budget }
}

function draft(payload: Buffer, receivedAt = 0): Draft {
  return {
    receivedAt,
    topic: 'c',
    id: undefined,
    text: undefined,
    bytes: payload,
    start: 0,
    end: payload.length,
    reply: undefined,
  }
}

test('a ring that grows, wraps and shrinks keeps every message at its offset', async () => {
  const { log, store, budget } = openLog()
  let released = 0

  for (let i = 0; i < 200; i += 1) {
    log.append(draft(Buffer.from([i])))
    await store.commit()
    if (i % 3 < 2) continue
    released += 2
    log.release(released)
  }

  const messages = await log.read(0, 1_000, 1_000_000)
  assert.deepEqual(
    messages.map(({ offset, payload }) => [offset, payload[0]]),
    Array.from({ length: 200 - released }, (_, i) => [i + released, i + released]),
  )
  log.release(log.end)
  assert.equal(budget.held, 0)
  assert.equal(log.bytes, 0)
})

test('a removed message is returned, gives its memory back and is not read again', async () => {
  const { log, store, budget } = openLog()
  for (let i = 0; i < 3; i += 1) log.append(draft(Buffer.from([i])))
  const before = budget.held

  const staged = log.remove?.(1)
  await store.commit()

  assert.equal(staged?.payload[0], 1)
  assert.equal(log.remove?.(1), undefined)
  assert.equal(budget.held, (before / 3) * 2)
  assert.deepEqual(
    (await log.read(0, 10, 100)).map(({ offset }) => offset),
    [0, 2],
  )
})

test('history is kept until its memory is needed, the oldest of all channels going first', async () => {
  const { log, store, budget } = openLog(true)
  const other = store.create('d')
  for (let i = 0; i < 20; i += 1) {
    for (const [index, one] of [log, other].entries()) {
      one.append(draft(Buffer.alloc(100), i * 2 + index))
      await store.commit()
      one.release(one.committed)
    }
  }
  const heldBefore = budget.held

  const hasRoom = store.makeRoom(5_000)

  assert.ok(heldBefore > 8_000)
  assert.ok(hasRoom && budget.fits(5_000))
  assert.ok(Math.abs(log.start - other.start) <= 1)
  assert.equal(log.end, 20)
})
