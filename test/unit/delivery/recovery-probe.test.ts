/** How soon a destination that was away gets messages again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch, BatchOutcome, Destination } from '../../../src/destinations/destination.ts'
import { ConnectorError, type ErrorCode } from '../../../src/errors.ts'
import { silentObserver } from '../../../src/observer.ts'
import { ChannelSetRig, idsOf } from '../../support/channels/channel-set-rig.ts'
import { deliver } from '../../support/channels/deliver.ts'
import { makeBatchRule } from '../../support/destinations/batch-rule.ts'
import { settled } from '../../support/settled.ts'

/** Fails every call with a code, for all channels or some, until the test says otherwise. */
class MoodyDestination implements Destination {
  readonly name = 'primary'
  readonly description = 'has moods'
  batchRule = makeBatchRule()
  failure: ErrorCode | undefined = 'DestinationUnavailable'
  isFailing: (channel: string) => boolean = () => true
  readonly calls: { readonly channel: string; readonly ids: string[] }[] = []

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  async send({ channel, messages }: Batch): Promise<BatchOutcome> {
    this.calls.push({ channel, ids: idsOf(messages) })
    if (this.failure !== undefined && this.isFailing(channel)) {
      throw new ConnectorError(this.failure, 'away')
    }
    return { rejected: [], kept: [] }
  }
}

async function rigOf(channels: readonly string[], random = () => 1) {
  const rig = new ChannelSetRig()
  await rig.set.open()
  for (const channel of channels) for (const id of ['1', '2', '3']) rig.offer(channel, channel + id)
  await rig.set.flush()
  const destination = new MoodyDestination()
  const outages: object[] = []
  const observer = {
    ...silentObserver,
    destinationRecovered: (_c: string, _d: string, outage: object) => void outages.push(outage),
  }
  destination.batchRule = makeBatchRule({ intervalMs: 1_000 })
  const delivery = deliver(rig, destination, { observer, random })
  delivery.start()
  await settled()
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds * 10; i += 1) {
      rig.clock.advance(100)
      await settled()
    }
  }
  return { rig, destination, delivery, outages, pass }
}

test('after an outage all channels deliver within seconds, although their own retries are minutes away', async (t) => {
  const { rig, destination, delivery, outages, pass } = await rigOf(['a', 'b', 'c'])
  t.after(() => delivery.close())
  await pass(600)
  const callsWhileAway = destination.calls.length

  destination.failure = undefined
  await pass(6)

  const probe = destination.calls[callsWhileAway]
  assert.equal(probe?.ids.length, 1, 'the first call after the outage carries one message')
  for (const channel of ['a', 'b', 'c']) {
    const ledger = rig.ledger(channel)
    assert.deepEqual([ledger.delivered, ledger.waiting], [3, 0], channel)
  }
  assert.ok(callsWhileAway < 600 / 5 + 3 * 12, `${callsWhileAway} calls in 600 s`)
  assert.equal(outages.length, 3)
  const [{ awayMs, attempts, waiting }] = outages as [Record<string, number>]
  assert.ok(awayMs !== undefined && awayMs > 595_000 && awayMs < 610_000, `${awayMs}`)
  assert.ok(attempts !== undefined && attempts > 20)
  assert.equal(waiting, 2)
})

test('order is kept when a probe delivers the oldest message of a backlog', async (t) => {
  const { destination, delivery, pass } = await rigOf(['a'])
  t.after(() => delivery.close())
  await pass(60)
  const before = destination.calls.length

  destination.failure = undefined
  await pass(6)

  assert.deepEqual(
    destination.calls.slice(before).flatMap(({ ids }) => ids),
    ['a1', 'a2', 'a3'],
  )
})

test('a destination that denies access is probed no more than twice a minute, and a channel’s success does not hurry the denied ones', async (t) => {
  const { rig, destination, delivery, pass } = await rigOf(['a', 'b'])
  t.after(() => delivery.close())
  destination.failure = 'DestinationDenied'
  await pass(600)
  const before = destination.calls.length
  await pass(300)
  const calls = destination.calls.length - before
  destination.isFailing = (channel) => channel === 'a'
  delivery.retryNow('b')
  await settled()
  const denied = destination.calls.filter(({ channel }) => channel === 'a').length
  for (const id of ['x', 'y']) rig.offer('b', id)
  await rig.set.flush()
  await settled()

  assert.ok(calls <= 300 / 30 + 2 * 2, `${calls} calls in 5 minutes`)
  assert.ok(rig.ledger('b').delivered >= 3)
  assert.ok(
    destination.calls.filter(({ channel }) => channel === 'a').length <= denied + 1,
    'the denied channel waits for its own retry',
  )
})

test('a channel that fails while another one delivers keeps its own schedule', async (t) => {
  const { rig, destination, delivery, pass } = await rigOf(['a', 'b'])
  t.after(() => delivery.close())
  destination.isFailing = (channel) => channel === 'a'
  for (let second = 0; second < 120; second += 1) {
    rig.offer('b', `${second}`)
    await rig.set.flush()
    await pass(1)
  }

  const attempts = destination.calls.filter(({ channel }) => channel === 'a').length
  assert.ok(attempts <= 10, `${attempts} attempts in two minutes`)
})

test('the state says since when, how often, with what error, and when it is tried again; asked for now, it is tried at once', async (t) => {
  const { rig, destination, delivery, pass } = await rigOf(['a'])
  t.after(() => delivery.close())
  const since = rig.clock.now()
  await pass(20)
  const { channels, ...state } = delivery.state
  const callsBefore = destination.calls.length

  const retried = delivery.retryNow()
  await settled()
  const unknown = delivery.retryNow('nobody')
  const callsAfter = destination.calls.length
  destination.failure = undefined
  delivery.retryNow('a')
  await settled()
  await pass(2)

  assert.equal(state.state, 'retrying')
  assert.equal(state.since, since)
  assert.equal(state.error?.message, 'away')
  assert.ok(state.attempts >= 5)
  const now = rig.clock.now() - 2_000
  assert.ok((state.nextAttemptAt ?? 0) > now - 1 && (state.nextAttemptAt ?? 0) <= now + 5_000)
  assert.deepEqual([channels.length, channels[0]?.channel, channels[0]?.waiting], [1, 'a', 3])
  assert.deepEqual([retried, unknown], [1, 0])
  assert.equal(callsAfter, callsBefore + 1)
  assert.equal(delivery.state.state, 'working')
  assert.equal(delivery.state.nextAttemptAt, undefined)
  assert.ok((delivery.state.lastSuccessAt ?? 0) > since)
  assert.equal(delivery.retryNow(), 0)
})

test('a channel whose waiting messages are all gone is no problem any more', async (t) => {
  const rig = new ChannelSetRig({ rules: { maxAgeMs: 10_000 } })
  await rig.set.open()
  rig.offer('a', 'old')
  await rig.set.flush()
  const delivery = deliver(rig, new MoodyDestination(), { random: () => 1 })
  t.after(() => delivery.close())
  delivery.start()
  await settled()
  const before = delivery.problem
  for (let second = 0; second < 60; second += 1) {
    rig.clock.advance(1_000)
    await settled()
  }

  assert.match(before ?? '', /away/)
  assert.equal(rig.ledger('a').waiting, 0)
  assert.equal(delivery.problem, undefined)
  assert.equal(delivery.state.state, 'working')
})

test('connectors behind one outage probe at different moments', async (t) => {
  const nextAttempts: number[] = []
  for (const random of [0, 0.2, 0.4, 0.6, 0.8]) {
    const { rig, delivery, pass } = await rigOf(['a'], () => random)
    t.after(() => delivery.close())
    await pass(30)
    const { nextAttemptAt = 0 } = delivery.state
    nextAttempts.push(nextAttemptAt - rig.clock.now())
  }

  assert.ok(new Set(nextAttempts).size >= 4, `${nextAttempts}`)
})

test('no probe is sent after the end', async () => {
  const { rig, destination, delivery, pass } = await rigOf(['a'])
  await pass(10)
  await delivery.close()
  const calls = destination.calls.length
  await pass(60)

  assert.equal(destination.calls.length, calls)
  assert.equal(rig.ledger('a').waiting, 3)
})
