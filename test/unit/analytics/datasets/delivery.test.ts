/** Contents on their way to folders and topics. */
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { objectKey, pathInFolder } from '../../../../src/analytics/datasets/delivery/object-key.ts'
import { DatasetRig, definitionOf } from '../../../support/analytics/dataset-rig.ts'
import { temporaryDirectory } from '../../../support/processes/running-connector.ts'
import { until } from '../../../support/until.ts'

const roleArn = 'arn:aws:iam::000000000000:role/analytics'
const PLACE = { version: 'version-1', scheduledAt: 0, createdAt: 1_000 }

function toBucket(key: string, more: object = {}) {
  const destination = { s3DestinationConfiguration: { bucket: 'reports', key, roleArn } }
  return definitionOf({ contentDeliveryRules: [{ destination, ...more }] })
}

async function rigWithFolder(t: TestContext, options: object = {}) {
  const directory = await temporaryDirectory(t)
  const folder = join(directory, 'reports')
  await mkdir(folder)
  const open = (more: object = {}) =>
    new DatasetRig({
      directory: join(directory, 'data'),
      options: { buckets: { reports: { folder } }, ...options },
      ...more,
    }).open()
  const rig = await open()
  t.after(() => rig.datasets.close())
  for (let id = 0; id < 3; id++) rig.rows.rows.push({ id, time: 0, arrived: 0 })
  return { directory, folder, rig, open }
}

async function record(directory: string, dataset: string, version: string) {
  const path = join(directory, 'data', 'datasets', dataset, `${version}.json`)
  return JSON.parse(await readFile(path, 'utf8'))
}

async function delivered(directory: string, version: string) {
  const ofRecord = async () => (await record(directory, 'all', version)).deliveries[0]
  await until('the delivery is over', async () => (await ofRecord()).state !== 'WAITING')
  return await ofRecord()
}

test('placeholders stand for times and version, and others are refused', () => {
  const all =
    '!{iotanalytics:scheduleTime}/!{iotanalytics:creationTime}/!{iotanalytics:versionId}.csv'

  assert.equal(
    objectKey(all, PLACE),
    '1970-01-01T00:00:00.000Z/1970-01-01T00:00:01.000Z/version-1.csv',
  )
  for (const wrong of ['!{iotanalytics:other}', '!{', 'a/!{versionId}/b', '!{constructor}']) {
    assert.throws(() => objectKey(wrong, PLACE), { code: 'InvalidDataset', message: /in the key/ })
  }
})

test('no key leads out of the folder', () => {
  const hostile = [
    '/etc/passwd',
    '../x',
    'a/../../x',
    'a//b',
    '.',
    '..',
    'a/',
    '',
    'a\\..\\b',
    'a\0b',
    'a/./b',
    'x'.repeat(256),
  ]

  for (const key of hostile) {
    assert.throws(() => pathInFolder(key), { code: 'InvalidDataset' }, key)
  }
  assert.deepEqual(pathInFolder('a/b.c/..d'), ['a', 'b.c', '..d'])
})

test('content is written to the folder, with folders that are missing', async (t) => {
  const { directory, folder, rig } = await rigWithFolder(t)
  await rig.define('all', toBucket('daily/!{iotanalytics:versionId}.csv'))

  const version = await rig.made('all')
  const { state, attempts } = await delivered(directory, version)

  assert.deepEqual([state, attempts], ['DELIVERED', 1])
  assert.deepEqual(await readdir(join(folder, 'daily')), [`${version}.csv`])
  const content = await readFile(join(folder, 'daily', `${version}.csv`), 'utf8')
  assert.equal(content, '"id"\n"0"\n"1"\n"2"\n')
})

test('a link below the folder is not followed', async (t) => {
  const { directory, folder, rig } = await rigWithFolder(t)
  const outside = join(directory, 'outside')
  await mkdir(outside)
  await symlink(outside, join(folder, 'daily'))
  await rig.define('all', toBucket('daily/x.csv'))

  const version = await rig.made('all')
  await until('it has failed', () => rig.failures.length > 0)

  assert.match(rig.failures[0]?.message ?? '', /symbolic link, which is not followed/)
  assert.deepEqual(await readdir(outside), [])
  assert.equal((await rig.datasets.content('all', version, ''))?.status.state, 'SUCCEEDED')
})

test('a failed delivery is tried again, also after a restart', async (t) => {
  const { directory, folder, rig, open } = await rigWithFolder(t)
  await rm(folder, { recursive: true })
  await rig.define('all', toBucket('x.csv'))
  const version = await rig.made('all')
  await until('it has failed', () => rig.failures.length === 1)
  rig.clock.advance(60_000)
  await until('it has failed again', () => rig.failures.length === 2)
  await rig.datasets.close()
  const waiting = (await record(directory, 'all', version)).deliveries[0]
  await mkdir(folder)

  const again = await open({ clock: rig.clock, rows: rig.rows })
  t.after(() => again.datasets.close())
  const { state } = await delivered(directory, version)

  assert.equal(waiting.state, 'WAITING')
  assert.equal(waiting.attempts, 2)
  assert.match(waiting.reason, /reports\/x\.csv can’t be written: a directory in the path/)
  assert.equal(state, 'DELIVERED')
  assert.match(await readFile(join(folder, 'x.csv'), 'utf8'), /^"id"/)
})

test('a rule without a setting, or with a wrong key, says what is missing', async (t) => {
  const { directory, rig } = await rigWithFolder(t)
  const other = { s3DestinationConfiguration: { bucket: 'elsewhere', key: 'x', roleArn } }
  const events = { iotEventsDestinationConfiguration: { inputName: 'pressure', roleArn } }
  const wrong = { s3DestinationConfiguration: { bucket: 'reports', key: '../x', roleArn } }
  const rules = [other, events, wrong].map((destination) => ({ destination }))
  await rig.define('all', definitionOf({ contentDeliveryRules: rules }))

  const version = await rig.made('all')

  const { deliveries } = await record(directory, 'all', version)
  const states = deliveries.map((one: { state: string }) => one.state)
  assert.deepEqual(states, ['NOT_CONFIGURED', 'NOT_CONFIGURED', 'FAILED'])
  assert.match(deliveries[0].reason, /analytics\.datasets\.buckets says nothing about elsewhere/)
  assert.match(deliveries[1].reason, /analytics\.datasets\.inputs says nothing about pressure/)
  assert.match(deliveries[2].reason, /expected a key of names/)
})

test('an older file of the same key is replaced, and half a file is never there', async (t) => {
  const { directory, folder, rig } = await rigWithFolder(t)
  await writeFile(join(folder, 'x.csv'), 'older')
  await rig.define('all', toBucket('x.csv'))

  await delivered(directory, await rig.made('all'))

  assert.deepEqual(await readdir(folder), ['x.csv'])
  assert.equal(await readFile(join(folder, 'x.csv'), 'utf8'), '"id"\n"0"\n"1"\n"2"\n')
})

test('each row becomes a message of JSON on the topic of the input', async (t) => {
  const options = { inputs: { pressure: 'analytics/pressure' } }
  const { directory, rig } = await rigWithFolder(t, options)
  const destination = { iotEventsDestinationConfiguration: { inputName: 'pressure', roleArn } }
  await rig.define('all', definitionOf({ contentDeliveryRules: [{ destination }] }))

  await delivered(directory, await rig.made('all'))

  assert.deepEqual(rig.published, [
    { topic: 'analytics/pressure', payload: '{"id":0}' },
    { topic: 'analytics/pressure', payload: '{"id":1}' },
    { topic: 'analytics/pressure', payload: '{"id":2}' },
  ])
})
