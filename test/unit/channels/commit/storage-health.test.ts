import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StorageHealth, storageStateOf } from '../../../../src/channels/commit/storage-health.ts'
import { ConnectorError } from '../../../../src/errors.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { ledgerGap, openRig } from '../../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../../support/disk/fake-log-store.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { settled } from '../../../support/settled.ts'

const FULL = new ConnectorError('StorageFailed', 'the disk is full')

/** A health with a store that a test lets fail and recover. */
class HealthRig {
  readonly clock = new ManualClock()
  readonly reports: string[] = []
  probes = 0
  failure: Error | undefined = FULL
  readonly health = new StorageHealth({
    clock: this.clock,
    observer: {
      ...silentObserver,
      storageFailed: (channel, { code }) => void this.reports.push(`${channel} ${code}`),
      storageRecovered: () => void this.reports.push('recovered'),
    },
    probe: async () => {
      this.probes += 1
      if (this.failure !== undefined) throw this.failure
    },
  })

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms)
    await settled()
  }
}

test('after a failed commit the store is probed, with pauses that double up to 5 s', async () => {
  const rig = new HealthRig()
  await rig.pass(60_000)
  const probesWhileWell = rig.probes
  rig.health.commitFailed(FULL)

  const probedAt: number[] = []
  for (let at = 0; at < 20_000; at += 100) {
    const before = rig.probes
    await rig.pass(100)
    if (rig.probes > before) probedAt.push(at + 100)
  }

  assert.deepEqual(probedAt, [100, 300, 700, 1_500, 3_100, 6_300, 11_300, 16_300])
  assert.deepEqual(rig.reports, ['__journal StorageFailed'], 'a failure is reported once')
  assert.equal(probesWhileWell, 0)
})

test('a probe that succeeds ends the failure', async () => {
  const rig = new HealthRig()
  const refusal = rig.health.commitFailed(FULL)

  const during = rig.health.failure
  rig.failure = undefined
  await rig.pass(100)

  assert.equal(during, refusal)
  assert.equal(refusal.error, 'StorageFailed')
  assert.match(refusal.message, /Storage failed: the disk is full\. .* send it again/)
  assert.equal(rig.health.failure, undefined)
  assert.deepEqual(rig.reports, ['__journal StorageFailed', 'recovered'])
  assert.equal(rig.clock.pendingCalls, 0)
})

test('a commit that succeeds ends the failure and its probes', async () => {
  const rig = new HealthRig()
  rig.health.commitFailed(FULL)

  rig.health.commitSucceeded()
  rig.health.commitSucceeded()
  await rig.pass(10_000)

  assert.equal(rig.health.state.name, 'ok')
  assert.deepEqual([rig.probes, rig.reports.at(-1)], [0, 'recovered'])
  assert.equal(rig.reports.length, 2)
})

test('the result of a probe does not count if a commit has failed meanwhile', async () => {
  const rig = new HealthRig()
  rig.health.commitFailed(FULL)
  rig.failure = undefined

  rig.clock.advance(100)
  rig.health.commitFailed(FULL)
  await settled()

  assert.equal(rig.probes, 1)
  assert.equal(rig.health.failure?.error, 'StorageFailed')
  await rig.pass(200)
  assert.equal(rig.health.failure, undefined)
})

test('a closed health does not probe', async () => {
  const rig = new HealthRig()
  rig.health.commitFailed(FULL)

  await rig.health.close()
  rig.health.commitFailed(FULL)
  await rig.pass(60_000)

  assert.equal(rig.probes, 0)
})

test('while storage fails new messages are refused without a try, until a probe shows that it can be written', async () => {
  const disk = new FakeDisk()
  const reports: string[] = []
  const rig = await openRig({
    disk,
    observer: {
      storageFailed: (channel, error) => reports.push(`failed ${channel} ${error.code}`),
      storageRecovered: () => reports.push('recovered'),
    },
  })
  disk.failure = 'ENOSPC'
  rig.offer('c', 'a')
  await settled()
  const tries = disk.commits
  const failure = rig.set.storageFailure
  for (const pauseMs of [100, 200]) {
    rig.clock.advance(pauseMs - 1)
    assert.equal(rig.offer('c', 'too early'), -1)
    rig.clock.advance(1)
    await settled()
    assert.equal(rig.offer('c', 'not yet'), -1)
  }
  disk.failure = undefined
  rig.clock.advance(400)
  await settled()
  const triesMeanwhile = disk.commits - tries
  const stateBefore = rig.set.storageFigures.state.name
  const taken = rig.offer('c', 'f')
  await settled()

  assert.deepEqual([triesMeanwhile, disk.probes], [0, 3])
  assert.equal(failure?.error, 'StorageFailed')
  assert.equal(rig.lastRefusal.error, 'StorageFailed')
  assert.equal(stateBefore, 'ok')
  assert.ok(taken > 0)
  assert.deepEqual(reports, ['failed __journal StorageFailed', 'recovered'])
  assert.deepEqual(await rig.deliver('c'), ['f'])
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('no message is needed to find out that storage still fails, and nothing is probed while all is well', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  disk.failure = 'ENOSPC'
  rig.offer('c', 'a')
  await settled()

  for (let second = 0; second < 60; second += 1) {
    rig.clock.advance(1_000)
    await settled()
    assert.equal(rig.set.storageFailure?.error, 'StorageFailed')
  }
  const probesOfAMinute = disk.probes
  disk.failure = undefined
  rig.clock.advance(5_000)
  await settled()

  // After 0.1, 0.2, … s, then every 5 s.
  assert.equal(probesOfAMinute, 16)
  assert.equal(rig.set.storageFailure, undefined)
  assert.equal(rig.clock.pendingCalls, 1, 'the expiry sweep alone')
})

test('reading the health of storage changes nothing', async () => {
  const disk = new FakeDisk()
  const reports: string[] = []
  const rig = await openRig({ disk, observer: { storageRecovered: () => reports.push('well') } })
  disk.failure = 'EIO'
  rig.offer('c', 'a')
  await settled()
  await rig.set.close()

  rig.clock.advance(3_600_000)
  const { storageFailure, storageFigures } = rig.set

  assert.equal(storageFailure?.error, 'StorageFailed')
  assert.equal(storageFigures.state.name, 'failing')
  assert.deepEqual([reports, disk.probes], [[], 0])
})

test('positions that can’t be written down are a failure of storage until a probe succeeds', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  rig.offer('c', 'a')
  await rig.set.flush()
  disk.failure = 'EROFS'
  await rig.deliver('c')
  rig.clock.advance(1_000)
  await settled()
  const failure = rig.set.storageFailure
  disk.failure = undefined
  const tooEarly = rig.offer('c', 'b')
  rig.clock.advance(100)
  await settled()
  const taken = rig.offer('c', 'b')
  await settled()

  assert.equal(failure?.error, 'StorageFailed')
  assert.equal(tooEarly, -1)
  assert.ok(taken > 0)
  assert.equal(rig.set.storageFailure, undefined)
  assert.deepEqual(await rig.deliver('c'), ['b'])
})

test('positions that failed to be written down are written with a later commit', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  before.offer('c', 'a')
  await before.set.flush()
  disk.failure = 'EROFS'
  await before.deliver('c')
  before.clock.advance(1_000)
  await settled()
  disk.failure = undefined
  before.clock.advance(2_000)
  await settled()
  disk.crash()

  const rig = await openRig({ disk })

  assert.deepEqual(await rig.deliver('c'), [])
  assert.equal(rig.ledger('c').delivered, 1)
})

test('positions that could be written down do not prove that messages can be stored', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  rig.offer('c', 'a')
  await rig.set.flush()
  disk.failure = 'ENOSPC'
  rig.offer('c', 'b')
  await settled()
  disk.failure = undefined

  await rig.deliver('c')
  await rig.set.flush()
  const afterwards = rig.set.storageFailure?.error
  rig.clock.advance(100)
  await settled()

  assert.equal(afterwards, 'StorageFailed')
  assert.match(rig.cycles.at(-1) ?? '', /^committed/)
  assert.equal(disk.probes, 1)
  assert.equal(rig.set.storageFailure, undefined)
})

test('positions that can’t be written down while storage fails do not delay the next probe', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  rig.offer('c', 'a')
  await rig.set.flush()
  disk.failure = 'ENOSPC'
  rig.offer('c', 'b')
  await settled()
  rig.clock.advance(99)
  await rig.deliver('c')
  await rig.set.flush()
  disk.failure = undefined

  rig.clock.advance(1)
  await settled()

  assert.equal(disk.probes, 1)
  assert.equal(rig.set.storageFailure, undefined)
})

for (const [code, name] of [
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
  ['EROFS', 'read-only'],
  ['EACCES', 'no-access'],
  ['EIO', 'io-error'],
  ['EMFILE', 'failing'],
] as const) {
  test(`${code} makes storage ${name}, with what to do about it`, () => {
    const system = Object.assign(new Error(code), { code })
    const wrapped = new Error('writing a segment', { cause: system })

    const state = storageStateOf(new ConnectorError('StorageFailed', 'no', { cause: wrapped }))

    assert.equal(state.name, name)
    assert.match(state.advice, /\.$/)
  })
}
