/** Delta datasets over simulated days: no row is missed, and no row is in two versions. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  DatasetRig,
  deltaDefinition,
  failure,
  MemoryRows,
} from '../support/analytics/dataset-rig.ts'
import { SimulatedDisk, seededRandom } from '../support/disk/simulated-disk.ts'
import { ManualClock } from '../support/manual-clock.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const START = Date.UTC(2026, 0, 1)

/** Every row with a time before `until`, once; in order of time within their versions. */
async function assertTiled(rig: DatasetRig, from: number, until: number): Promise<void> {
  const seen = new Map<number, number>()
  for (const { version, status } of await rig.datasets.contents('hourly')) {
    if (status.state !== 'SUCCEEDED') continue
    for (const id of await rig.ids('hourly', version)) seen.set(id, (seen.get(id) ?? 0) + 1)
  }
  for (const { id, time } of rig.rows.rows) {
    const expected = time >= from && time < until ? 1 : 0
    assert.equal(seen.get(id) ?? 0, expected, `row ${id} of ${new Date(time).toISOString()}`)
  }
}

async function simulate(t: TestContext, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const disk = new SimulatedDisk(random)
  const clock = new ManualClock(START)
  const rows = new MemoryRows()
  const open = (firstId: number) =>
    new DatasetRig({ directory: '/data', files: disk, clock, rows, firstId }).open()
  let rig = await open(0)
  t.after(() => rig.datasets.close())
  const offsetMs = -3 * MINUTE
  const expression = random() < 0.5 ? 'rate(15 minutes)' : 'cron(0/15 * * * ? *)'
  const triggers = [{ schedule: { expression } }]
  await rig.define('hourly', deltaDefinition(offsetMs / 1_000, { triggers }))
  for (let minute = 0; minute < 2 * 24 * 60; minute++) {
    // Each row arrives within the time that the offset allows for.
    const time = clock.now() - Math.floor(random() * 2 * MINUTE)
    rows.rows.push({ id: minute, time, arrived: clock.now() })
    rows.failure = random() < 0.2 ? failure() : undefined
    if (random() < 0.01) await rig.made('hourly')
    if (random() < 0.005) {
      await rig.datasets.close()
      clock.advance(Math.floor(random() * 3 * HOUR))
      rig = await open(minute * 1_000 + 1_000)
    }
    await rig.advance(MINUTE)
  }
  rows.failure = undefined
  await rig.advance(HOUR, MINUTE)

  const [last] = await rig.datasets.contents('hourly')
  assert.equal(last?.status.state, 'SUCCEEDED')
  const firstRun = START - 15 * MINUTE
  await assertTiled(rig, firstRun, last.scheduledAt + offsetMs)
}

for (const seed of [1, 2, 3, 4]) {
  test(`two days of failures, restarts and runs by hand leave no gap and no overlap (${seed})`, (t) =>
    simulate(t, seed))
}
