/** When datasets run by themselves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latestFire } from '../../../../src/analytics/datasets/run-times.ts'
import { parseSchedule } from '../../../../src/analytics/resources/schedule.ts'
import { DatasetRig, definitionOf, SQL } from '../../../support/analytics/dataset-rig.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const START = Date.UTC(2026, 0, 5)
const ALL = { versioningConfiguration: { unlimited: true } }
const ROLE = 'arn:aws:iam::000000000000:role/analytics'

function rigOn(disk: SimulatedDisk, more: object = {}): Promise<DatasetRig> {
  const clock = new ManualClock(START)
  return new DatasetRig({ directory: '/data', files: disk, clock, ...more }).open()
}

function every(expression: string, more: object = {}) {
  return definitionOf({ ...ALL, triggers: [{ schedule: { expression } }], ...more })
}

/** When the versions were scheduled for, as `HH:MM`, the oldest first. */
async function timesOf(rig: DatasetRig, dataset: string): Promise<string[]> {
  const contents = await rig.datasets.contents(dataset)
  return contents
    .map(({ scheduledAt }) => new Date(scheduledAt).toISOString().slice(11, 16))
    .reverse()
}

test('a dataset runs at each time of its schedule', async (t) => {
  const rig = await rigOn(new SimulatedDisk(seededRandom(1)))
  t.after(() => rig.datasets.close())
  await rig.define('quarter', every('cron(0/15 * * * ? *)'))
  await rig.define('rated', every('rate(20 minutes)'))

  await rig.advance(HOUR + MINUTE, MINUTE)

  assert.deepEqual(await timesOf(rig, 'quarter'), ['00:15', '00:30', '00:45', '01:00'])
  assert.deepEqual(await timesOf(rig, 'rated'), ['00:20', '00:40', '01:00'])
})

test('times that passed while the connector was stopped are made up for by one run', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  await rig.define('hourly', every('cron(0 * * * ? *)'))
  await rig.advance(HOUR + MINUTE, MINUTE)
  await rig.datasets.close()
  const { clock } = rig
  clock.advance(5 * HOUR + 9 * MINUTE)

  const again = await rigOn(disk, { clock, firstId: 9 })
  t.after(() => again.datasets.close())
  await again.advance(HOUR, MINUTE)

  assert.deepEqual(await timesOf(again, 'hourly'), ['01:00', '06:00', '07:00'])
})

test('times that pass while a run waits for its turn are made up for by one run', async (t) => {
  const rig = await rigOn(new SimulatedDisk(seededRandom(1)))
  t.after(() => rig.datasets.close())
  await rig.define('slow', every('rate(1 minute)'))
  let resume = () => {}
  rig.rows.halfway = () => new Promise((resolve) => (resume = resolve))
  await rig.advance(10 * MINUTE, MINUTE)
  const waiting = await timesOf(rig, 'slow')
  rig.rows.halfway = async () => {}

  resume()
  await rig.advance(2 * MINUTE, MINUTE)

  assert.equal(waiting.length, 2)
  const times = await timesOf(rig, 'slow')
  assert.ok(times.length <= 5 && times.at(-1) !== undefined, String(times))
})

test('the next run survives a restart, also of a rate', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  await rig.define('rated', every('rate(1 hour)'))
  await rig.advance(50 * MINUTE, MINUTE)
  await rig.datasets.close()

  const again = await rigOn(disk, { clock: rig.clock, firstId: 9 })
  t.after(() => again.datasets.close())
  await again.advance(20 * MINUTE, MINUTE)

  assert.deepEqual(await timesOf(again, 'rated'), ['01:00'])
})

test('a clock that jumps ahead makes one run, and one that is set back does not stop the rest', async (t) => {
  const rig = await rigOn(new SimulatedDisk(seededRandom(1)))
  t.after(() => rig.datasets.close())
  await rig.define('hourly', every('cron(0 * * * ? *)'))
  await rig.advance(HOUR + MINUTE, MINUTE)

  rig.clock.setTime(START + 40 * DAY)
  await rig.advance(MINUTE)
  const afterJump = (await timesOf(rig, 'hourly')).length
  rig.clock.setTime(START + 2 * HOUR - MINUTE)
  await rig.advance(2 * MINUTE, MINUTE)

  assert.equal(afterJump, 2)
  const contents = await rig.datasets.contents('hourly')
  assert.ok(contents.some(({ scheduledAt }) => scheduledAt === START + 2 * HOUR))
})

test('a dataset of a container runs after the dataset of SQL that triggers it has succeeded', async (t) => {
  const rig = await rigOn(new SimulatedDisk(seededRandom(1)))
  t.after(() => rig.datasets.close())
  await rig.define('sql', definitionOf(ALL))
  const container = {
    image: 'none',
    executionRoleArn: ROLE,
    resourceConfiguration: { computeType: 'ACU_1', volumeSizeInGB: 1 },
  }
  const actions = [{ containerAction: container }]
  await rig.define('after', definitionOf({ actions, triggers: [{ dataset: { name: 'sql' } }] }))
  rig.rows.failure = new Error('once')
  await rig.made('sql')
  const afterFailure = await rig.datasets.contents('after')

  rig.rows.failure = undefined
  await rig.made('sql')
  await rig.advance(1)

  assert.deepEqual(afterFailure, [])
  assert.equal((await rig.datasets.contents('after')).length, 1)
})

test('a run that a crash has prevented is made up for', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  await rig.define('sql', definitionOf(ALL))
  rig.clock.advance(1_000)
  await rig.made('sql')
  await rig.datasets.close()
  const container = {
    image: 'none',
    executionRoleArn: ROLE,
    resourceConfiguration: { computeType: 'ACU_1', volumeSizeInGB: 1 },
  }
  // As if it had been there all along, and the connector had ended before its run was stored.
  rig.clock.setTime(START)
  await rig.define(
    'after',
    definitionOf({
      actions: [{ containerAction: container }],
      triggers: [{ dataset: { name: 'sql' } }],
    }),
  )
  rig.clock.setTime(START + 2_000)

  const again = await rigOn(disk, { clock: rig.clock, firstId: 9 })
  t.after(() => again.datasets.close())
  await again.advance(1)

  assert.equal((await again.datasets.contents('after')).length, 1)
})

test('SQL that is longer than queries may be fails with what is allowed', async (t) => {
  const rig = await rigOn(new SimulatedDisk(seededRandom(1)))
  t.after(() => rig.datasets.close())
  const sqlQuery = `${SQL.queryAction.sqlQuery} -- ${'x'.repeat(70_000)}`
  await rig.define('long', definitionOf({ actions: [{ queryAction: { sqlQuery } }] }))

  const content = await rig.datasets.content('long', await rig.made('long'), '')

  assert.match(
    content?.status.reason ?? '',
    /expected SQL of at most 65536 characters, got 7\d+: a definition may have more/,
  )
})

for (const [expression, days] of [
  ['cron(* * * * ? *)', 0.3],
  ['cron(0 3 1 * ? *)', 200],
  ['cron(* 5 1 * ? *)', 90],
  ['cron(30 6 ? * MON *)', 60],
  ['cron(0 0 29 2 ? *)', 5_000],
  ['rate(7 minutes)', 2],
  ['rate(3 days)', 60],
] as const) {
  test(`the latest time of ${expression} is the last of all times before`, () => {
    const random = seededRandom(7)
    const schedule = parseSchedule(expression)
    const since = START

    for (let trial = 0; trial < 20; trial++) {
      const after = START + Math.floor(random() * 10 * DAY)
      const until = after + Math.floor(random() ** 2 * days * DAY)
      let last: number | undefined
      for (let time = schedule.next(after, since); time !== undefined && time <= until; ) {
        last = time
        time = schedule.next(time, since)
      }

      assert.equal(latestFire([schedule], { after, until, since }), last)
    }
  })
}
