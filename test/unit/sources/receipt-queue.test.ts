import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReceiptQueue } from '../../../src/sources/receipt-queue.ts'

test('receipts keep their order and their bound, and their turn after a connection has ended', () => {
  const queue = new ReceiptQueue(3)
  const add = (text: string) => queue.add('t', Buffer.from(text), undefined)
  const take = () => queue.take()?.payload.toString()
  assert.ok(add('a') && add('b') && add('c'))
  assert.ok(!add('d'))

  const a = queue.take()
  if (a !== undefined) queue.sent(a)
  assert.ok(add('d'))
  assert.equal(take(), 'b')
  assert.equal(queue.recall(), 0)

  assert.deepEqual([take(), take(), take(), take()], ['b', 'c', 'd', undefined])
  assert.equal(queue.clear(), 3)
  assert.ok(queue.isEmpty)
})

test('a receipt that was being sent when three connections ended is dropped', () => {
  const queue = new ReceiptQueue(10)
  queue.add('t', Buffer.from('a'), undefined)

  const dropped = [1, 2, 3].map(() => {
    queue.take()
    return queue.recall()
  })

  assert.deepEqual(dropped, [0, 0, 1])
  assert.ok(queue.isEmpty)
})

test('a queue of receipts behaves like a plain array', () => {
  const step = fc.constantFrom('add', 'take', 'sent', 'recall')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new ReceiptQueue(20)
      let waiting: number[] = []
      let sending: number[] = []
      const held = new Map<number, NonNullable<ReturnType<ReceiptQueue['take']>>>()
      const attempts = new Map<number, number>()
      let next = 0
      for (const what of steps) {
        if (what === 'add') {
          const isAdded = queue.add('t', Buffer.from(String(next)), undefined)
          assert.equal(isAdded, waiting.length + sending.length < 20)
          if (isAdded) waiting.push(next++)
        } else if (what === 'take') {
          const receipt = queue.take()
          assert.equal(receipt?.payload.toString(), waiting[0]?.toString())
          const taken = waiting.shift()
          if (taken === undefined || receipt === undefined) continue
          attempts.set(taken, (attempts.get(taken) ?? 0) + 1)
          held.set(taken, receipt)
          sending.push(taken)
        } else if (what === 'sent') {
          const receipt = held.get(sending.shift() ?? -1)
          if (receipt !== undefined) queue.sent(receipt)
        } else {
          const again = sending.filter((id) => (attempts.get(id) ?? 0) < 3)
          assert.equal(queue.recall(), sending.length - again.length)
          waiting = [...again, ...waiting]
          sending = []
        }
      }
      assert.equal(queue.isEmpty, waiting.length + sending.length === 0)
    }),
  )
})

test('receipts with long ids have a bound on their bytes, which is free again when they are sent', () => {
  const queue = new ReceiptQueue(10_000, 1_000_000)
  const payload = Buffer.alloc(100_000)
  let added = 0
  while (queue.add('t', payload, undefined)) added += 1
  assert.equal(added, 9)

  for (let i = 0; i < 9; i++) {
    const receipt = queue.take()
    if (receipt !== undefined && i < 5) queue.sent(receipt)
  }
  assert.equal(queue.add('t', payload, undefined), true)
  for (let attempt = 0; attempt < 3; attempt++) {
    queue.recall()
    while (queue.take() !== undefined) {}
  }
  queue.recall()
  queue.clear()

  added = 0
  while (queue.add('t', payload, undefined)) added += 1
  assert.equal(added, 9)
})
