import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerRecord } from '../../../src/delivery/batches/answer-record.ts'
import { AttemptTrail } from '../../../src/delivery/batches/attempt-trail.ts'
import { ChannelDelivery } from '../../../src/delivery/channel-delivery.ts'
import { RateCap, type RateCapOptions } from '../../../src/delivery/rate-cap.ts'
import type { BatchReceipts } from '../../../src/delivery/receipts/batch-receipts.ts'
import { RetrySchedule } from '../../../src/delivery/retry-schedule.ts'
import type { SelectionOptions } from '../../../src/delivery/selection.ts'
import type { BatchOutcome } from '../../../src/destinations/destination.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { silentObserver } from '../../../src/observer.ts'
import {
  ChannelSetRig,
  idsOf,
  ledgerGap,
  type RigOptions,
} from '../../support/channels/channel-set-rig.ts'
import { makeBatchRule } from '../../support/destinations/batch-rule.ts'
import { PatientDestination } from '../../support/destinations/patient-destination.ts'
import { settled } from '../../support/settled.ts'

const INTERVAL_MS = 1_000
const REFUSAL = { error: 'InvalidRequestException', message: 'not like this' }

interface DeliveryRigOptions extends RigOptions {
  readonly intervalMs?: number
  readonly maxInFlightBatches?: number
  readonly cap?: RateCapOptions
  readonly selection?: SelectionOptions
}

/** One delivery of channel `c`, batches of two, and what it reports. */
class DeliveryRig {
  readonly channels: ChannelSetRig
  readonly destination = new PatientDestination('primary')
  readonly delivery: ChannelDelivery
  /** The receipts, as `delivered a`, `rejected b`. */
  readonly receipts: string[] = []
  /** `moreFollow` of each batch's receipts. */
  readonly moreFollow: boolean[] = []
  /** The calls of the observer. */
  readonly reports: string[] = []
  /** How many messages of a batch were accepted, and the sum of their ages. */
  readonly ages: string[] = []
  readonly trail = new AttemptTrail()
  readonly abort = new AbortController()

  static async open(options: DeliveryRigOptions = {}): Promise<DeliveryRig> {
    const channels = new ChannelSetRig({
      deadLetters: { maxMessages: 9, maxBytes: 1e6 },
      ...options,
    })
    await channels.set.open()
    channels.offer('c', 'first')
    await channels.set.flush()
    await channels.deliver('c')
    return new DeliveryRig(channels, options)
  }

  private constructor(channels: ChannelSetRig, options: DeliveryRigOptions) {
    const channel = channels.set.get('c')!
    const { clock } = channels
    this.channels = channels
    this.destination.batchRule = makeBatchRule({ intervalMs: options.intervalMs ?? INTERVAL_MS })
    this.delivery = new ChannelDelivery({
      channel,
      cursor: channel.cursor('primary'),
      destination: this.destination,
      maxInFlightBatches: options.maxInFlightBatches ?? 1,
      order: 'backlog-first',
      selection: options.selection ?? {},
      cap: new RateCap(options.cap ?? {}, clock),
      trail: this.trail,
      deadLetters: channels.set.deadLetters,
      retries: new RetrySchedule({ firstMs: INTERVAL_MS, random: () => 1 }),
      receipts: this.#recorder(),
      outcomes: { failed() {}, succeeded() {} },
      answers: new AnswerRecord(),
      observer: {
        ...silentObserver,
        batchRetried: (channel, destination, { code }, delayMs) =>
          void this.reports.push(`${channel} to ${destination}: ${code}, again in ${delayMs} ms`),
        messagesRejected: (_channel, _destination, count, error) =>
          void this.reports.push(`${count} rejected: ${error}`),
        messagesDelivered: (destination, { total, sumSeconds }) =>
          void this.ages.push(`${destination}: ${total} in ${sumSeconds} s`),
        destinationRecovered: () => void this.reports.push('recovered'),
      },
      clock,
      signal: this.abort.signal,
    })
  }

  /** Offers messages and commits them. */
  async offer(...ids: string[]): Promise<void> {
    for (const id of ids) this.channels.offer('c', id)
    await this.channels.set.flush()
    await settled()
  }

  async pass(ms: number): Promise<void> {
    this.channels.clock.advance(ms)
    await settled()
  }

  #recorder(): BatchReceipts {
    return {
      isListening: true,
      leftOut: ({ messageId }) => this.receipts.push(`left out ${messageId}`),
      settled: (messages, { rejected, kept }: BatchOutcome, moreFollow) => {
        const refused = new Set(rejected.map(({ index }) => index))
        for (const [index, id] of idsOf(messages).entries()) {
          if (kept.includes(index)) continue
          this.receipts.push(`${refused.has(index) ? 'rejected' : 'delivered'} ${id}`)
        }
        this.moreFollow.push(moreFollow)
      },
    }
  }
}

test('a full batch is sent at once, an incomplete one when its oldest message has waited', async () => {
  const rig = await DeliveryRig.open()
  rig.delivery.start()

  await rig.offer('a')
  const alone = rig.destination.batches.length
  await rig.offer('b', 'c')
  await rig.destination.answer()
  const afterFull = [...rig.destination.batches]
  await rig.pass(INTERVAL_MS - 1)
  const tooEarly = rig.destination.batches.length
  await rig.pass(1)

  assert.equal(alone, 0)
  assert.deepEqual(afterFull, [['a', 'b']])
  assert.equal(tooEarly, 1)
  assert.deepEqual(rig.destination.batches, [['a', 'b'], ['c']])
})

test('nothing is sent before the start', async () => {
  const rig = await DeliveryRig.open()

  await rig.offer('a', 'b')
  await rig.pass(INTERVAL_MS)
  const before = rig.destination.batches.length
  rig.delivery.start()
  await settled()

  assert.equal(before, 0)
  assert.deepEqual(rig.destination.batches, [['a', 'b']])
})

test('no more batches are under way than allowed', async () => {
  const rig = await DeliveryRig.open({ maxInFlightBatches: 2 })
  rig.delivery.start()

  for (const pair of ['ab', 'cd', 'ef']) await rig.offer(...pair)
  const atOnce = rig.destination.batches.length
  await rig.destination.answer()

  assert.equal(atOnce, 2)
  assert.deepEqual(rig.destination.batches, [
    ['a', 'b'],
    ['c', 'd'],
    ['e', 'f'],
  ])
})

test('a backlog that one commit brought is sent in as many batches at once as allowed', async () => {
  const rig = await DeliveryRig.open({ maxInFlightBatches: 3 })
  rig.delivery.start()

  await rig.offer('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')

  assert.deepEqual(rig.destination.batches, [
    ['a', 'b'],
    ['c', 'd'],
    ['e', 'f'],
  ])
})

test('a delivered batch is settled, its senders get receipts, and the trail has the attempt', async () => {
  const rig = await DeliveryRig.open()
  rig.delivery.start()

  await rig.offer('a', 'b', 'c', 'd')
  rig.channels.clock.advance(7)
  await rig.destination.answer()
  await rig.destination.answer()

  assert.deepEqual(rig.receipts, ['delivered a', 'delivered b', 'delivered c', 'delivered d'])
  assert.deepEqual(rig.moreFollow, [true, false])
  const { delivered, waiting, inFlight } = rig.channels.ledger('c')
  assert.deepEqual([delivered, waiting, inFlight], [5, 0, 0])
  const [attempt] = rig.trail.of('c', 1)
  assert.deepEqual([attempt?.result, attempt?.durationMs], ['accepted', 7])
  assert.deepEqual(rig.reports, [])
})

test('rejected messages become dead letters, kept ones are sent again first after a delay', async () => {
  const rig = await DeliveryRig.open()
  rig.delivery.start()
  await rig.offer('a', 'b', 'c')

  await rig.destination.answer({ rejected: [{ index: 0, refusal: REFUSAL }], kept: [1] })
  const failure = rig.delivery.failure?.code
  await rig.pass(INTERVAL_MS)
  await rig.destination.answer()

  assert.equal(failure, 'DestinationUnavailable')
  assert.deepEqual(rig.destination.batches, [
    ['a', 'b'],
    ['b', 'c'],
  ])
  assert.deepEqual(rig.receipts, ['rejected a', 'delivered b', 'delivered c'])
  assert.deepEqual(rig.reports, [
    '1 rejected: InvalidRequestException',
    'c to primary: DestinationUnavailable, again in 1000 ms',
    'recovered',
  ])
  await rig.channels.set.flush()
  const [letter] = await rig.channels.set.deadLetters!.read(0, 9)
  assert.deepEqual([letter?.destination, letter?.senderId], ['primary', 'a'])
  assert.deepEqual(letter?.refusal, REFUSAL)
  assert.equal(rig.delivery.failure, undefined)
  assert.equal(ledgerGap(rig.channels.ledger('c')), 0)
})

test('a message that the outcome names in neither list counts as delivered, and delays do not grow', async () => {
  const rig = await DeliveryRig.open()
  rig.delivery.start()
  await rig.offer('a', 'b')

  await rig.destination.answer({ rejected: [], kept: [0] })
  await rig.offer('c')
  await rig.pass(INTERVAL_MS)
  await rig.destination.answer({ rejected: [], kept: [0] })

  assert.deepEqual(rig.receipts, ['delivered b', 'delivered c'])
  assert.deepEqual(rig.destination.batches[1], ['a', 'c'])
  assert.equal(rig.channels.ledger('c').delivered, 3)
  const again = 'c to primary: DestinationUnavailable, again in 1000 ms'
  assert.deepEqual(rig.reports, [again, again])
})

test('a failed batch is sent again whole, after delays that grow, and then reported as recovered', async () => {
  const rig = await DeliveryRig.open()
  rig.delivery.start()
  await rig.offer('a', 'b')
  const away = new ConnectorError('DestinationUnavailable', 'away')

  await rig.destination.answer(away)
  await rig.offer('c', 'd')
  const meanwhile = rig.destination.batches.length
  await rig.pass(INTERVAL_MS)
  await rig.destination.answer(away)
  await rig.pass(2 * INTERVAL_MS - 1)
  const tooEarly = rig.destination.batches.length
  await rig.pass(1)
  const failure = rig.delivery.failure
  await rig.destination.answer()

  assert.equal(meanwhile, 1, 'no batch is sent during the delay')
  assert.equal(tooEarly, 2)
  assert.equal(failure, away)
  assert.equal(rig.delivery.failure, undefined)
  assert.deepEqual(rig.destination.batches.slice(0, 3), [
    ['a', 'b'],
    ['a', 'b'],
    ['a', 'b'],
  ])
  assert.deepEqual(rig.reports, [
    'c to primary: DestinationUnavailable, again in 1000 ms',
    'c to primary: DestinationUnavailable, again in 2000 ms',
    'recovered',
  ])
  assert.deepEqual(
    rig.trail.of('c', 1).map(({ result }) => result),
    ['kept', 'kept', 'accepted'],
  )
})

test('an error that is final rejects all messages of its batch, and the next one is sent at once', async () => {
  const rig = await DeliveryRig.open()
  rig.delivery.start()
  await rig.offer('a', 'b', 'c', 'd')

  await rig.destination.answer(new ConnectorError('DestinationRefused', 'never'))

  assert.deepEqual(rig.receipts, ['rejected a', 'rejected b'])
  assert.deepEqual(rig.reports, ['2 rejected: DestinationRefused'])
  assert.deepEqual(rig.destination.batches[1], ['c', 'd'])
  assert.equal(rig.channels.ledger('c').rejected, 2)
})

test('a rate cap delays a batch that is due', async () => {
  const rig = await DeliveryRig.open({ cap: { maxMessagesPerSecond: 2 } })
  rig.delivery.start()
  await rig.offer('a', 'b', 'c', 'd')
  await rig.destination.answer()

  const first = [...rig.destination.batches]
  await rig.pass(1_000)

  assert.deepEqual(first, [['a', 'b']])
  assert.deepEqual(rig.destination.batches, [
    ['a', 'b'],
    ['c', 'd'],
  ])
})

test('draining sends all waiting messages without the interval, and resolves after the last', async () => {
  const rig = await DeliveryRig.open()
  rig.delivery.start()
  await rig.offer('a', 'b', 'c')
  let isDrained = false

  const drained = rig.delivery.drain(false).then(() => {
    isDrained = true
  })
  await rig.destination.answer()
  const beforeLast = isDrained
  await rig.destination.answer()
  await drained

  assert.equal(beforeLast, false)
  assert.deepEqual(rig.destination.batches, [['a', 'b'], ['c']])
})

test('draining until a failure ends with the first one; its messages stay', async () => {
  const rig = await DeliveryRig.open()
  rig.delivery.start()
  await rig.offer('a', 'b', 'c')

  const drained = rig.delivery.drain(true)
  await rig.destination.answer(new ConnectorError('DestinationUnavailable', 'away'))
  await drained

  assert.equal(rig.channels.ledger('c').waiting, 3)
})

test('after a stop no batch is sent, and the batch that is called off stays in the log', async () => {
  const rig = await DeliveryRig.open()
  rig.delivery.start()
  await rig.offer('a', 'b', 'c', 'd')

  rig.delivery.stop()
  rig.abort.abort()
  await rig.delivery.ended()
  await rig.offer('e')
  await rig.pass(60_000)

  assert.deepEqual(rig.destination.batches, [['a', 'b']])
  assert.deepEqual(rig.receipts, [])
  const { delivered, waiting, inFlight } = rig.channels.ledger('c')
  assert.deepEqual([delivered, waiting, inFlight], [1, 5, 0])
})

test('messages that expire while they wait are not sent', async () => {
  const rig = await DeliveryRig.open({ rules: { maxAgeMs: 5_000 }, intervalMs: 60_000 })
  rig.delivery.start()
  await rig.offer('a')

  await rig.pass(60_000)

  assert.deepEqual(rig.destination.batches, [])
  assert.equal(rig.channels.ledger('c').expired, 1)
})

test('messages that the destination does not select are settled, and counted as NotSelected', async () => {
  const rig = await DeliveryRig.open({ selection: { topics: { exclude: ['#'] } } })
  rig.delivery.start()

  await rig.offer('a', 'b', 'c')

  const ledger = rig.channels.ledger('c')
  assert.deepEqual(rig.destination.batches, [])
  assert.deepEqual([ledger.waiting, ledger.inFlight], [0, 0])
  assert.deepEqual(ledger.dropped, { NotSelected: 3 })
  assert.equal(ledgerGap(ledger), 0)
  assert.deepEqual(rig.channels.dropped, [])
})

test('a batch is full of messages that are selected', async () => {
  const rig = await DeliveryRig.open({ selection: { sample: { every: 3 } } })
  const ids = Array.from({ length: 60 }, (_, index) => `m${index}`)
  rig.delivery.start()

  await rig.offer(...ids)
  for (let batch = 0; batch < 30; batch += 1) await rig.destination.answer()
  await rig.pass(INTERVAL_MS)
  await rig.destination.answer()

  const sent = rig.destination.batches
  const { delivered, dropped } = rig.channels.ledger('c')
  for (const batch of sent.slice(0, -1)) assert.equal(batch.length, 2)
  assert.equal(sent.flat().length, delivered - 1)
  assert.equal(dropped['NotSelected'], 60 - sent.flat().length)
  assert.ok(sent.flat().length > 10 && sent.flat().length < 30)
})

test('the age of the messages that were accepted is reported, not of those rejected or kept', async () => {
  const rig = await DeliveryRig.open()
  rig.delivery.start()
  await rig.offer('a', 'b')
  await rig.pass(2_000)

  await rig.destination.answer({ rejected: [{ index: 0, refusal: REFUSAL }], kept: [1] })
  await rig.pass(INTERVAL_MS)
  await rig.destination.answer()

  assert.deepEqual(rig.ages, ['primary: 1 in 3 s'])
})
