/** Contents of datasets when power fails, or the process is killed, at any call to the disk. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatasetRig, deltaDefinition, MemoryRows } from '../support/analytics/dataset-rig.ts'
import { SimulatedDisk, seededRandom } from '../support/disk/simulated-disk.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { settled } from '../support/settled.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 0, 1)
const RUNS = 3

interface Cut {
  readonly promised: readonly string[]
  readonly calls: number
}

/** Makes contents, removes one, until the power fails at the call. */
async function work(disk: SimulatedDisk, clock: ManualClock, rows: MemoryRows): Promise<Cut> {
  const promised: string[] = []
  const rig = new DatasetRig({ directory: '/data', files: disk, clock, rows })
  try {
    await rig.open()
    await rig.define('all', deltaDefinition(0))
    for (let run = 0; run < RUNS; run++) {
      rows.rows.push({ id: run, time: clock.now(), arrived: clock.now() })
      clock.advance(MINUTE)
      const version = await rig.datasets.createContent('all', undefined)
      if (version !== undefined) promised.push(version)
      await rig.completed('all', version)
    }
    const again = promised[1]
    await rig.datasets.createContent('all', again)
    await rig.completed('all', again)
  } catch {
    // The power has failed.
  }
  const { calls } = disk
  await rig.datasets.close().catch(() => {})
  await settled()
  return { promised, calls }
}

test('after a power cut at any call each promised version has its whole content', async () => {
  const { calls } = await work(
    new SimulatedDisk(seededRandom(1)),
    new ManualClock(START),
    new MemoryRows(),
  )
  assert.ok(calls > 60, `${calls} calls`)

  for (let at = 1; at <= calls; at++) {
    const random = seededRandom(at)
    const disk = new SimulatedDisk(random)
    disk.powerLostAt = at
    const clock = new ManualClock(START)
    const rows = new MemoryRows()
    const { promised } = await work(disk, clock, rows)
    const files = disk.afterPowerLoss()
    const rig = await new DatasetRig({
      directory: '/data',
      files,
      clock,
      rows,
      firstId: 100,
    }).open()
    const where = `cut at call ${at}`
    assert.deepEqual(rig.damages, [], where)
    if (rig.resources.datasets.get('all') === undefined) {
      assert.deepEqual(promised, [], where)
      continue
    }
    for (const version of promised) {
      assert.equal(await rig.completed('all', version), 'SUCCEEDED', where)
    }
    clock.advance(MINUTE)
    await rig.made('all')

    const ids: number[] = []
    for (const { version, status } of await rig.datasets.contents('all')) {
      assert.equal(status.state, 'SUCCEEDED', where)
      ids.push(...(await rig.ids('all', version)))
    }
    const all = rows.rows.map(({ id }) => id)
    assert.deepEqual(ids.sort(), all, where)
    const named = (await rig.datasets.contents('all')).length
    const contents = files.files.filter((path) => path.endsWith('.data'))
    assert.equal(contents.length, named, `${where}: no file is left that nobody names`)
    await rig.datasets.close()
  }
})
