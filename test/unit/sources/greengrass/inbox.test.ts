import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Inbox } from '../../../../src/sources/greengrass/inbox.ts'

function takerOf() {
  const taken: string[] = []
  const refused: string[] = []
  return {
    taken,
    refused,
    isBusy: false,
    take: (topic: string, payload: Buffer) => void taken.push(`${topic} ${payload}`),
    refuse: (topic: string, payload: Buffer | undefined, why: string) =>
      void refused.push(`${topic} ${payload ?? 'gone'} ${why}`),
    refuseUnread: (why: string) => void refused.push(why),
  }
}

const roomy = { maxMessages: 100, maxBytes: 100_000 }

test('a message is handed over at once', () => {
  const inbox = new Inbox(roomy)
  const taker = takerOf()
  inbox.attach(taker)

  inbox.add('t', Buffer.from('1'))

  assert.deepEqual(taker.taken, ['t 1'])
})

test('messages wait in their order while the taker is busy, and after one that waits', () => {
  const inbox = new Inbox(roomy)
  const taker = takerOf()
  inbox.attach(taker)
  taker.isBusy = true
  const payload = Buffer.from('1')
  inbox.add('t', payload)
  payload.write('x') // the caller uses its memory again
  taker.isBusy = false
  inbox.add('t', Buffer.from('2'))

  inbox.drain()

  assert.deepEqual(taker.taken, ['t 1', 't 2'])
})

test('what exceeds the bounds is refused at once, with its payload', () => {
  const taker = { ...takerOf(), isBusy: true }
  for (const bounds of [
    { maxMessages: 1, maxBytes: 100_000 },
    { maxMessages: 100, maxBytes: 300 },
  ]) {
    const inbox = new Inbox(bounds)
    inbox.attach(taker)

    inbox.add('t', Buffer.from('1'))
    inbox.add('t', Buffer.from('2'))
  }

  assert.deepEqual(taker.refused, ['t 2 full', 't 2 full'])
})

test('messages wait for the next taker, and those that had no room are refused by it', () => {
  const inbox = new Inbox({ maxMessages: 2, maxBytes: 100_000 })
  const before = takerOf()
  inbox.attach(before)
  inbox.detach()
  for (const text of ['1', '2', '3', '4']) inbox.add('t', Buffer.from(text))
  const taker = takerOf()

  inbox.attach(taker)
  inbox.drain()
  inbox.drain()

  assert.deepEqual(before.taken, [])
  assert.deepEqual(taker.taken, ['t 1', 't 2'])
  assert.deepEqual(taker.refused, ['t gone full', 't gone full'])
})

test('a taker that becomes busy meanwhile gets the rest later', () => {
  const inbox = new Inbox(roomy)
  const taker = takerOf()
  for (const text of ['1', '2', '3']) inbox.add('t', Buffer.from(text))
  inbox.attach({
    get isBusy() {
      return taker.taken.length === 2
    },
    take: taker.take,
    refuse: taker.refuse,
    refuseUnread: taker.refuseUnread,
  })

  inbox.drain()

  assert.equal(inbox.size, 1)
  assert.deepEqual(taker.taken, ['t 1', 't 2'])
})

test('at the last stop, what still waits is refused', () => {
  const inbox = new Inbox(roomy)
  const taker = { ...takerOf(), isBusy: true }
  inbox.attach(taker)
  inbox.add('t', Buffer.from('1'))

  inbox.refuseWaiting()

  assert.deepEqual(taker.refused, ['t 1 stopping'])
  assert.equal(inbox.size, 0)
})

test('messages that can’t be read are refused, at once or by the next taker', () => {
  const inbox = new Inbox(roomy)
  const taker = takerOf()
  inbox.addUnread('oversized')
  inbox.attach(taker)
  inbox.drain()

  inbox.addUnread('unreadable')

  assert.deepEqual(taker.refused, ['oversized', 'unreadable'])
})
