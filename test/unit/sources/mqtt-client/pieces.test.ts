import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  areOverlapping,
  coveringFilters,
  covers,
} from '../../../../src/sources/mqtt-client/covering-filters.ts'
import { DuplicateFilter } from '../../../../src/sources/mqtt-client/duplicate-filter.ts'
import { mqttClientOptions } from '../../../../src/sources/mqtt-client/options.ts'
import {
  PendingAcknowledgements,
  PUBACK,
  PUBREC,
} from '../../../../src/sources/mqtt-client/pending-acknowledgements.ts'
import {
  connectionFailure,
  reasonCodeOf,
} from '../../../../src/sources/mqtt-client/reason-codes.ts'
import { ReceiptQueue } from '../../../../src/sources/mqtt-client/receipt-queue.ts'
import { retryDelayMs } from '../../../../src/sources/mqtt-client/retry-delay.ts'

/** MQTT 3.1.1, section 4.7, written down once more. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const pattern = filter
    .split('/')
    .map((level) => (level === '#' ? '.*' : level === '+' ? '[^/]*' : level.replace('$', '\\$')))
    .join('/')
    .replace(/\/\.\*$/, '(/.*)?')
  return new RegExp(`^${pattern}$`).test(topic)
}

const level = fc.constantFrom('a', 'b', '', '$x')
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, all]) => [...levels, ...(all ? ['#'] : [])].join('/'))

test('a filter covers another exactly if it matches all topics of the other', () => {
  assert.ok(covers('#', 'a/b'))
  assert.ok(covers('sensor/#', 'sensor'))
  assert.ok(covers('+/b', 'a/b'))
  assert.ok(covers('a/#', 'a/+/c/#'))
  assert.ok(!covers('+', '#'))
  assert.ok(!covers('#', '$SYS/#'))
  assert.ok(!covers('a/+', 'a'))
  fc.assert(
    fc.property(filters, filters, topics, (filter, covered, topic) => {
      fc.pre(covers(filter, covered) && matches(covered, topic))
      assert.ok(matches(filter, topic), `${filter} does not match ${topic} of ${covered}`)
    }),
    { numRuns: 2000 },
  )
})

test('the covering filters match the same topics as all filters, and none covers another', () => {
  fc.assert(
    fc.property(
      fc.array(filters, { maxLength: 6 }),
      fc.array(topics, { minLength: 1, maxLength: 20 }),
      (all, some) => {
        const kept = coveringFilters(all)

        for (const topic of some) {
          const before = all.some((filter) => matches(filter, topic))
          assert.equal(
            kept.some((filter) => matches(filter, topic)),
            before,
          )
        }
        for (const filter of kept) {
          assert.ok(!kept.some((other) => other !== filter && covers(other, filter)))
        }
      },
    ),
    { numRuns: 1000 },
  )
})

test('a copy is a message with the same payload that was taken in under other identifiers', () => {
  const copies = new DuplicateFilter(['a/+/c', 'a/b/#', 'x'])
  const [one, other] = [Buffer.from('1'), Buffer.from('2')]
  const see = (topic: string, payload: Buffer, ...identifiers: number[]): string => {
    const cycle = copies.find(topic, payload, identifiers)
    if (cycle === undefined) copies.expect(topic, payload, identifiers, 7)
    return cycle === undefined ? 'new' : `copy of ${cycle}`
  }

  assert.equal(see('a/b/c', one, 1), 'new')
  assert.equal(see('a/b/c', other, 1), 'new')
  assert.equal(see('a/b/c', one, 1), 'new')
  assert.equal(see('a/b/c', one, 2), 'copy of 7')
  assert.equal(see('a/b/c', one, 2), 'copy of 7')
  assert.equal(see('a/b/c', other, 2), 'copy of 7')
  assert.equal(see('a/b/c', other, 2), 'new')
  // One message for all filters, or without identifiers, or of a topic that one filter matches.
  assert.deepEqual([see('a/b/c', one, 1, 2), see('a/b/c', one, 1, 2)], ['new', 'new'])
  assert.deepEqual([see('a/b/c', one), see('a/b/c', one)], ['new', 'new'])
  assert.deepEqual([see('x', one, 3), see('x', one, 3)], ['new', 'new'])
  // A broker that names one filter and means all.
  for (let i = 0; i < 300; i++) assert.equal(see('a/b/c', one, 1), 'new')
  copies.forget(7)
  assert.equal(see('a/b/c', one, 2), 'new')
})

test('filters overlap exactly if some topic matches both', () => {
  for (const [first, second, isOverlapping] of [
    ['a/+/c', 'a/b/#', true],
    ['a/+', 'a/b/c', false],
    ['a/#', 'a', true],
    ['+', '$SYS', false],
    ['+/b', 'a/+', true],
    ['a', 'b', false],
  ] as const) {
    assert.equal(areOverlapping([first, second]), isOverlapping, `${first} ${second}`)
  }
})

test('acknowledgements are released in the order of their messages, for completed cycles', () => {
  const pending = new PendingAcknowledgements(false)
  pending.add({ cycle: 7, type: PUBACK, packetId: 1, reasonCode: 0 })
  pending.add({ cycle: 7, type: PUBREC, packetId: 0x1234, reasonCode: 0 })
  pending.add({ cycle: 8, type: PUBACK, packetId: 3, reasonCode: 0 })

  assert.equal(pending.release(6).length, 0)
  assert.equal(pending.release(7).toString('hex'), '40020001' + '50021234')
  assert.equal(pending.count, 1)
  assert.equal(pending.newestCycle, 8)
  assert.equal(pending.release(9).toString('hex'), '40020003')
  assert.equal(pending.newestCycle, -1)
})

test('reason codes are sent only in MQTT 5', () => {
  const five = new PendingAcknowledgements(true)
  const four = new PendingAcknowledgements(false)
  for (const pending of [five, four]) {
    pending.add({ cycle: 1, type: PUBACK, packetId: 1, reasonCode: 0x99 })
    pending.add({ cycle: 1, type: PUBACK, packetId: 2, reasonCode: 0 })
    pending.add({ cycle: 2, type: PUBACK, packetId: 3, reasonCode: 0 })
  }

  assert.equal(five.release(2).toString('hex'), '4003000199' + '40020002' + '40020003')
  assert.equal(four.release(2).toString('hex'), '40020001' + '40020002' + '40020003')
})

test('a refusal becomes the closest reason code', () => {
  assert.equal(reasonCodeOf({ error: 'QueueFull', message: '' }), 0x97)
  assert.equal(reasonCodeOf({ error: 'DuplicateMessageId', message: '' }), 0x83)
})

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

test('delays double from half a second to a minute and are never longer', () => {
  assert.equal(retryDelayMs(0, 0), 500)
  assert.equal(retryDelayMs(3, 0.5), 6000)
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, random) => {
        const delay = retryDelayMs(attempt, random)
        assert.ok(delay >= 500 && delay <= 60_000)
      },
    ),
  )
})

test('a failed connection says which broker, why and what to do', () => {
  const cause = Object.assign(new Error('Connection refused: Not authorized'), { code: 5 })
  const both = new AggregateError([new Error('connect ECONNREFUSED ::1'), new Error('no route')])

  assert.match(
    connectionFailure('mqtt://b', cause).message,
    /mqtt:\/\/b failed: .*Not authorized; check username and password/,
  )
  assert.match(connectionFailure('mqtt://b', both).message, /ECONNREFUSED ::1, no route/)
  assert.match(connectionFailure('mqtt://b', undefined).message, /closed the connection/)
  assert.equal(connectionFailure('mqtt://b', both).code, 'BrokerUnavailable')
})

test('settings that contradict each other are refused with the reason', () => {
  const url = 'mqtt://broker:1883'
  for (const [settings, reason] of [
    [{ url: 'broker:1883' }, /must look like/],
    [{ url: 'mqtt://me:secret@broker' }, /passwordFile/],
    [{ url, cleanSession: false }, /clientId/],
    [{ url, password: 'a', passwordFile: 'b' }, /not both/],
    [{ url, tls: { ca: 'ca.pem' } }, /mqtts/],
    [{ url: 'mqtts://broker', tls: { cert: 'c.pem' } }, /both or neither/],
    [{ url, shareGroup: 'a/b' }, /\/ \+ #/],
  ] as const) {
    const parsed = mqttClientOptions.safeParse(settings)
    assert.match(parsed.error?.message ?? 'accepted', reason, JSON.stringify(settings))
  }
  assert.equal(mqttClientOptions.parse({ url }).protocolVersion, 4)
})
