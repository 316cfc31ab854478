import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectorError } from '../../../../src/errors.ts'
import { NucleusBus } from '../../../../src/sources/greengrass/nucleus-bus.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { settled } from '../../../support/settled.ts'
import { FakeNucleus } from './fake-nucleus.ts'

const PUT = 'iotanalytics/channels/+/messages/put'
const PUMP = 'iotanalytics/channels/pump/messages/put'

async function busOn(
  nucleus: FakeNucleus,
  local: readonly string[],
  cloud: readonly string[] = [],
) {
  const clock = new ManualClock()
  const bus = new NucleusBus({ clock, random: () => 0 })
  const taken: string[] = []
  const reports: string[] = []
  bus.inbox.attach({
    isBusy: false,
    take: (topic, payload) => void taken.push(`${topic} ${payload}`),
    refuse: () => {},
    refuseUnread: () => {},
  })
  bus.listener = {
    up: () => void reports.push('up'),
    down: () => void reports.push('down'),
    failed: (error) => void reports.push(error.code),
    recovered: () => void reports.push('recovered'),
  }
  bus.use({ local, cloud }, 100)
  bus.up(nucleus)
  await settled()
  const pass = async (ms: number) => {
    clock.advance(ms)
    await settled()
  }
  return { bus, clock, taken, reports, pass }
}

test('messages of all filters are taken, each once', async () => {
  const nucleus = new FakeNucleus()
  const { bus, taken } = await busOn(nucleus, ['factory/#', 'factory/+/state', 'other'])

  nucleus.deliver('local', 'factory/1/state', 'a')
  nucleus.deliver('local', 'factory/1/other', 'b')
  nucleus.deliver('local', 'other', 'c')

  assert.deepEqual(taken, ['factory/1/state a', 'factory/1/other b', 'other c'])
  assert.equal(bus.state.isReady, true)
  assert.equal(bus.state.problem, undefined)
})

test('the local bus and the cloud are subscribed apart', async () => {
  const nucleus = new FakeNucleus()
  const { taken } = await busOn(nucleus, [PUT], [PUT])

  nucleus.deliver('local', PUMP, 'here')
  nucleus.deliver('cloud', PUMP, 'there')

  assert.deepEqual(taken, [`${PUMP} here`, `${PUMP} there`])
})

test('a filter that is refused is asked for again, and others take its topics meanwhile', async () => {
  const nucleus = new FakeNucleus()
  nucleus.denied.add('factory/+/state')
  const { bus, taken, reports, pass } = await busOn(nucleus, ['factory/+/state', 'factory/#'])
  nucleus.deliver('local', 'factory/1/state', 'a')
  assert.equal(bus.state.isReady, false)
  assert.match(bus.state.problem ?? '', /no permission: factory/)

  nucleus.denied.clear()
  await pass(1_000)
  nucleus.deliver('local', 'factory/1/state', 'b')

  assert.deepEqual(taken, ['factory/1/state a', 'factory/1/state b'])
  assert.deepEqual(reports, ['up', 'NucleusRefused', 'recovered'])
  assert.equal(bus.state.isReady, true)
})

test('a subscription that the nucleus ends is made again', async () => {
  const nucleus = new FakeNucleus()
  const { bus, taken, pass } = await busOn(nucleus, [PUT])
  nucleus.end()
  assert.equal(bus.state.isReady, false)

  await pass(1_000)
  nucleus.deliver('local', PUMP, 'a')

  assert.deepEqual(taken, [`${PUMP} a`])
})

test('messages that come before the nucleus answers are taken, also when it is subscribed again', async () => {
  const nucleus = new FakeNucleus()
  const { taken, pass } = await busOn(nucleus, [PUT])
  const subscribe = nucleus.subscribe.bind(nucleus)
  nucleus.subscribe = async (...given) => {
    const opened = await subscribe(...given)
    nucleus.deliver('local', PUMP, 'early')
    return opened
  }

  nucleus.end()
  await pass(1_000)

  assert.deepEqual(taken, [`${PUMP} early`])
})

test('on nucleus lite, a subscription that dies silently is replaced within 20 seconds', async () => {
  const nucleus = new FakeNucleus({ isLite: true })
  const { taken, reports, pass } = await busOn(nucleus, [PUT, 'factory/#'])
  await pass(15_000)
  await pass(2_000)
  assert.equal(nucleus.asked, 2)
  nucleus.letDie()

  await pass(15_000)
  await pass(2_000)
  nucleus.deliver('local', PUMP, 'a')
  nucleus.deliver('local', 'factory/1', 'b')

  assert.equal(nucleus.asked, 4)
  assert.deepEqual(taken, [`${PUMP} a`, 'factory/1 b'])
  assert.ok(reports.includes('NucleusUnavailable') && reports.at(-1) === 'recovered')
})

test('probes are never taken for messages, also those of another connector', async () => {
  const nucleus = new FakeNucleus({ isLite: true })
  const { taken, pass } = await busOn(nucleus, [PUT])

  await pass(17_000)
  nucleus.deliver('local', 'iotanalytics/channels/__probe/messages/put', 'x')

  assert.deepEqual(
    nucleus.published.map(({ topic }) => topic),
    ['iotanalytics/channels/__probe/messages/put'],
  )
  assert.deepEqual(taken, [])
})

test('without the permission to probe, and without a wildcard, a subscription is renewed each minute', async () => {
  for (const filter of ['factory/1', 'factory/#']) {
    const nucleus = new FakeNucleus({ isLite: true })
    nucleus.denied.add('factory/__probe')
    const { taken, pass } = await busOn(nucleus, [filter])
    await pass(15_000)
    nucleus.letDie()

    await pass(60_000)
    nucleus.deliver('local', 'factory/1', 'a')
    await pass(10_000)
    nucleus.deliver('local', 'factory/1', 'a')

    assert.deepEqual(taken, ['factory/1 a', 'factory/1 a'], filter)
    assert.equal(nucleus.streams.size, 1)
  }
})

test('while a subscription is renewed, a message that comes on both is taken once', async () => {
  const nucleus = new FakeNucleus({ isLite: true })
  const { taken, clock } = await busOn(nucleus, ['factory/1'])
  const subscribe = nucleus.subscribe.bind(nucleus)
  nucleus.subscribe = async (...given) => {
    const opened = await subscribe(...given)
    // Both are open until the answer has been read.
    for (const payload of ['a', 'a', 'b']) nucleus.deliver('local', 'factory/1', payload)
    return opened
  }

  clock.advance(60_000)
  await settled()

  assert.deepEqual(taken, ['factory/1 a', 'factory/1 a', 'factory/1 b'])
  assert.equal(nucleus.streams.size, 1)
})

test('the classic nucleus gets no probes and no renewals', async () => {
  const nucleus = new FakeNucleus()
  const { pass } = await busOn(nucleus, [PUT, 'factory/1'])

  await pass(600_000)

  assert.equal(nucleus.asked, 2)
  assert.deepEqual(nucleus.published, [])
})

test('on a new connection everything is subscribed again', async () => {
  const { bus, reports, taken } = await busOn(new FakeNucleus(), [PUT])
  bus.down(new ConnectorError('NucleusUnavailable', 'the nucleus closed the connection'), 100)
  assert.equal(bus.state.isReady, false)
  assert.match(bus.state.problem ?? '', /closed the connection/)
  const next = new FakeNucleus()

  bus.up(next)
  await settled()
  next.deliver('local', PUMP, 'a')

  assert.deepEqual(taken, [`${PUMP} a`])
  assert.deepEqual(reports, ['up', 'down', 'NucleusUnavailable', 'up', 'recovered'])
})

test('when the filters change, those that stay are left alone', async () => {
  const nucleus = new FakeNucleus()
  const { bus, taken } = await busOn(nucleus, [PUT, 'old'])

  bus.use({ local: ['new', PUT], cloud: [] }, 100)
  await settled()
  nucleus.deliver('local', PUMP, 'a')
  nucleus.deliver('local', 'new', 'b')
  nucleus.deliver('local', 'old', 'c')

  assert.equal(nucleus.asked, 3)
  assert.deepEqual(nucleus.filters, [PUT, 'new'])
  assert.deepEqual(taken, [`${PUMP} a`, 'new b'])
})

test('a filter that is refused until the end is not reported as recovered', async () => {
  const nucleus = new FakeNucleus()
  nucleus.denied.add('factory/#')
  const { bus, reports } = await busOn(nucleus, ['factory/#'])

  bus.unsubscribe()
  await settled()

  assert.deepEqual(reports, ['up', 'NucleusRefused'])
})

test('a nucleus that does not say the topic of messages is reported', async () => {
  const nucleus = new FakeNucleus()
  const { bus, taken } = await busOn(nucleus, [PUT])

  for (const stream of nucleus.streams) stream.onMessage(undefined, Buffer.from('a'))

  assert.match(bus.state.problem ?? '', /needs version 2\.6\.0 or later/)
  assert.deepEqual(taken, [])
})
