/** What the HTTP server is shown of the running connector. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RunningView, type RunningViewOptions } from '../../../src/operator/running-view.ts'
import { RefusedClients } from '../../../src/operator/sampling/refused-clients.ts'
import { RecentRefusals } from '../../../src/operator/why/recent-refusals.ts'
import type { ConnectionState } from '../../../src/sources/source.ts'
import { Metrics } from '../../../src/telemetry/metrics/metrics.ts'
import { ChannelSetRig } from '../../support/channels/channel-set-rig.ts'
import { routerOf } from '../../support/channels/router-of.ts'
import { crashedWithTwo, failing } from '../../support/disk/broken-channel.ts'
import { diskStore } from '../../support/disk/disk-stores.ts'
import { promptClock, SLOT_BYTES } from '../../support/disk/journal-trial.ts'

const STORE = {
  state: 'ok',
  problem: undefined,
  bytes: 0,
  maxBytes: undefined,
  historyBytes: 0,
  bytesWritten: undefined,
  syncs: undefined,
  messageBytes: 0,
  deadLetters: undefined,
  deadLettersLost: undefined,
} as const

async function openView(change: Partial<RunningViewOptions> = {}) {
  const rig = new ChannelSetRig({ keepsHistory: true })
  await rig.set.open()
  const router = routerOf(rig)
  const view = new RunningView({
    channels: rig.set,
    deliveries: [],
    refusals: new RecentRefusals(rig.clock),
    clock: rig.clock,
    reports: 'all',
    maxBacklogMessages: Number.POSITIVE_INFINITY,
    storeLedger: () => STORE,
    outage: () => [],
    metrics: new Metrics({ version: '0', ledger: () => [], now: () => 0 }),
    router,
    sources: [],
    intakes: new Map(),
    destinationKinds: [],
    tables: undefined,
    memory: rig.budget,
    directory: undefined,
    instance: 'box',
    version: '0.0.0',
    refusedClients: new RefusedClients(rig.clock),
    settings: () => ({ files: [], settings: [] }),
    ...change,
  })
  view.start()
  return { rig, view }
}

test('health is well with a store that is, and has no sources that connect nowhere', async () => {
  const { view } = await openView({ sources: [{ name: 'mqttServer' }] })

  assert.deepEqual(view.health(), {
    level: 'ok',
    verdict: 'running',
    live: true,
    ready: true,
    storage: 'ok',
    sources: [],
    destinations: [],
    problems: [],
    outage: undefined,
  })
})

test('a store with a problem is not ready, and the problem comes first', async () => {
  const since = Date.UTC(2026, 0, 1)
  const connectionState: ConnectionState = { isReady: false, since, problem: 'ECONNREFUSED' }
  const { view } = await openView({
    storeLedger: () => ({ ...STORE, state: 'full', problem: 'The disk is full.' }),
    sources: [{ name: 'mqttClient', connectionState }],
  })

  const health = view.health()

  assert.equal(health.ready, false)
  assert.deepEqual(health.problems, [
    'The disk is full.',
    'Source mqttClient, disconnected since 2026-01-01T00:00:00.000Z: ECONNREFUSED',
  ])
})

test('a source says its state and since when; one that is down leaves the connector ready', async () => {
  const since = Date.UTC(2026, 0, 1)
  const connectionState: ConnectionState = { isReady: false, since, problem: 'ECONNREFUSED' }
  const { view } = await openView({ sources: [{ name: 'mqttClient', connectionState }] })

  const { ready, sources } = view.health()

  assert.equal(ready, true)
  assert.deepEqual(sources, [
    { name: 'mqttClient', state: 'disconnected', since: '2026-01-01T00:00:00.000Z' },
  ])
})

test('the outage that is shorter than the others is the one in the sentence', async () => {
  const { view } = await openView({
    outage: () => [
      { channel: 'a', seconds: 7_300, bound: 'maxAge' },
      { channel: 'b', seconds: 100, bound: 'storage.maxBytes' },
    ],
  })

  assert.equal(
    view.health().outage,
    'At the rate of the last few minutes, an outage of the destinations can last 100 s before channel b reaches storage.maxBytes and loses messages.',
  )
})

test('a page of messages begins at the earliest, now, an offset or a time', async () => {
  const { rig, view } = await openView()
  const start = rig.clock.now()
  for (const id of ['a', 'b', 'c']) {
    rig.offer('c', id)
    rig.clock.advance(1_000)
  }
  await rig.set.flush()
  const read = async (from: Parameters<typeof view.readMessages>[1], limit = 10) => {
    const page = await view.readMessages('c', from, limit)
    return [page?.messages.map(({ senderId }) => senderId).join(''), page?.next]
  }

  assert.deepEqual(await read('earliest'), ['abc', 3])
  assert.deepEqual(await read('earliest', 2), ['ab', 2])
  assert.deepEqual(await read('now'), ['', 3])
  assert.deepEqual(await read({ offset: 1 }), ['bc', 3])
  assert.deepEqual(await read({ timeMs: start + 2_000 }), ['c', 3])
  assert.equal(await view.readMessages('unknown', 'earliest', 1), undefined)
})

test('a wait ends with the next message, at once if it is there, or when it is aborted', async () => {
  const { rig, view } = await openView()
  rig.offer('c', 'a')
  await rig.set.flush()
  const never = new AbortController()
  const aborted = new AbortController()

  await view.waitForMessages('c', 0, never.signal)
  const waiting = view.waitForMessages('c', 1, never.signal)
  const given = view.waitForMessages('c', 9, aborted.signal)
  rig.offer('c', 'b')
  await rig.set.flush()
  await waiting
  aborted.abort()

  await given
})

test('metrics and the ledger are those of the connector', async () => {
  const { rig, view } = await openView()
  rig.offer('c', 'a')

  assert.match((await view.metrics()).text, /iot_analytics_connector_build_info/)
  assert.deepEqual(
    view.ledger().map(({ channel, received }) => [channel, received]),
    [['c', 1]],
  )
})

test('messages of a channel that is set aside can’t be read now, and the reason is given', async () => {
  const trial = await crashedWithTwo()
  trial.disk.fail = failing({ operation: 'open', path: '.log', code: 'EIO' })
  const rig = new ChannelSetRig({
    openStore: () => diskStore({ files: trial.disk, clock: promptClock, slotBytes: SLOT_BYTES }),
  })
  await rig.set.open()
  const { view } = await openView({ channels: rig.set })

  await assert.rejects(view.readMessages('broken', 'earliest', 10), {
    code: 'StorageFailed',
    message: /Channel broken is set aside, .*EIO/,
  })
  assert.equal(await view.readMessages('unknown', 'earliest', 10), undefined)
  await rig.set.close()
})
