/** Messages that arrive after the content was made that their time belongs to. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { DatasetRig, deltaDefinition } from '../../../support/analytics/dataset-rig.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const START = Date.UTC(2026, 0, 5)
const TOPIC = 'analytics/notifications'

const session = { deltaTimeSessionWindowConfiguration: { timeoutInMinutes: 5 } }
const LATE = {
  lateDataRules: [{ ruleName: 'late', ruleConfiguration: session }],
  triggers: [{ schedule: { expression: 'rate(10 minutes)' } }],
}

async function rigOn(t: TestContext, disk = new SimulatedDisk(seededRandom(1)), more: object = {}) {
  const clock = new ManualClock(START)
  const options = { notificationTopic: TOPIC }
  const rig = await new DatasetRig({
    directory: '/data',
    files: disk,
    clock,
    options,
    ...more,
  }).open()
  t.after(() => rig.datasets.close())
  return rig
}

function notifications(rig: DatasetRig) {
  return rig.published.map(({ payload }) => JSON.parse(payload))
}

/** Three windows of ten minutes, with a row in each. */
async function withThreeWindows(rig: DatasetRig): Promise<string[]> {
  await rig.define('delta', deltaDefinition(0, LATE))
  for (let window = 0; window < 3; window++) {
    rig.rows.rows.push({ id: window, time: rig.clock.now() + 1, arrived: rig.clock.now() })
    await rig.advance(10 * MINUTE, 5 * SECOND)
  }
  await rig.advance(10 * SECOND, SECOND)
  const contents = await rig.datasets.contents('delta')
  return contents.map(({ version }) => version).reverse()
}

test('a late message is reported with the version that it belongs to, and is in it once it is made again', async (t) => {
  const rig = await rigOn(t)
  const [, second = ''] = await withThreeWindows(rig)
  await rig.advance(6 * MINUTE, 5 * SECOND)
  const before = notifications(rig)

  rig.rows.rows.push({ id: 99, time: START + 15 * MINUTE, arrived: rig.clock.now() })
  await rig.advance(7 * MINUTE, 5 * SECOND)
  const [notification] = notifications(rig)
  await rig.datasets.createContent('delta', second)
  await rig.advance(2 * SECOND, SECOND)
  await rig.advance(20 * MINUTE, 5 * SECOND)

  assert.deepEqual(before, [])
  const { id: _id, time: _time, ...rest } = notification
  assert.deepEqual(rest, {
    version: '0',
    'detail-type': 'IoT Analytics Dataset Lifecycle Notification',
    source: 'aws.iotanalytics',
    account: '000000000000',
    region: 'us-east-1',
    resources: ['arn:aws:iotanalytics:us-east-1:000000000000:dataset/delta'],
    detail: {
      'event-detail-version': '1.0',
      'dataset-name': 'delta',
      'late-data-rule-name': 'late',
      'version-ids': [second],
      message: null,
    },
  })
  assert.equal(rig.published[0]?.topic, TOPIC)
  assert.deepEqual(await rig.ids('delta', second), [1, 99])
  assert.equal(notifications(rig).length, 1, 'it is reported once')
})

test('late messages of several windows are one report', async (t) => {
  const rig = await rigOn(t)
  const versions = await withThreeWindows(rig)
  await rig.advance(6 * MINUTE, 5 * SECOND)

  rig.rows.rows.push({ id: 98, time: START + 5 * MINUTE, arrived: rig.clock.now() })
  rig.rows.rows.push({ id: 99, time: START + 25 * MINUTE, arrived: rig.clock.now() + 1 })
  await rig.advance(7 * MINUTE, 5 * SECOND)

  const found = notifications(rig).map(({ detail }) => detail['version-ids'])
  assert.deepEqual(
    found.map((ids) => [...ids].sort()),
    [[versions[0], versions[2]].sort()],
  )
})

test('a message that arrives while content is made is in it or is late, never both and never neither', async (t) => {
  const rig = await rigOn(t)
  await rig.define('delta', deltaDefinition(0, LATE))
  const ids: number[] = []
  for (let step = 0; step < 10 * 60 + 30; step++) {
    // Each belongs to the first window, whenever it arrives.
    rig.rows.rows.push({ id: step, time: START + 1, arrived: rig.clock.now() })
    ids.push(step)
    await rig.advance(SECOND)
  }
  await rig.advance(7 * MINUTE, 5 * SECOND)

  const [version] = await rig.datasets.contents('delta')
  const made = await rig.ids('delta', version?.version ?? '')
  assert.ok(made.length > 590 && made.length < ids.length, `${made.length}`)
  assert.deepEqual(made, ids.slice(0, made.length))
  assert.equal(notifications(rig).length, 1)
})

test('late data is found after a restart', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(t, disk)
  const [first] = await withThreeWindows(rig)
  await rig.datasets.close()
  rig.rows.rows.push({ id: 99, time: START + 5 * MINUTE, arrived: rig.clock.now() })
  rig.clock.advance(MINUTE)

  const again = await rigOn(t, disk, { clock: rig.clock, rows: rig.rows, firstId: 99 })
  await again.advance(7 * MINUTE, 5 * SECOND)

  const found = notifications(again).map(({ detail }) => detail['version-ids'])
  assert.deepEqual(found, [[first]])
})
