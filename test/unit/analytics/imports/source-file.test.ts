import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sourceFile } from '../../../../src/analytics/imports/source-file.ts'

const RULES = { into: undefined, day: undefined }
const START = Date.UTC(2020, 9, 15, 12)
const NAME = `${START}_${START + 30_000}_123456789012_press_0_1.0.json.gz`

test('an archive has its channel from its directory and its time from its name', () => {
  const found = sourceFile(`/a/my-prefix/channel/press/__dt=2020-10-15 00:00:00/${NAME}`, 7, RULES)

  assert.deepEqual(found, {
    kind: 'archive',
    path: `/a/my-prefix/channel/press/__dt=2020-10-15 00:00:00/${NAME}`,
    bytes: 7,
    table: 'tables/press',
    day: '2020-10-15',
    arrivedAt: START,
  })
})

test('an archive without times in its name has the day of its directory', () => {
  const days = [
    '2020-10-15 00:00:00',
    '2020-10-15',
    '2020-10-15%2000%3A00%3A00',
    '2020-10-15 00_00_00',
  ]

  for (const day of days) {
    const found = sourceFile(`/a/press/__dt=${day}/part.json.gz`, 7, RULES)
    assert.equal(Object(found).day, '2020-10-15', day)
    assert.equal(Object(found).arrivedAt, Date.UTC(2020, 9, 15), day)
  }
})

test('an export has its datastore from its directory', () => {
  const found = sourceFile('/a/measured/1700000000000/0a1b.csv', 7, RULES)

  assert.equal(Object(found).table, 'datastores/measured/__import')
})

test('names that can be no channel or day become no part of a path', () => {
  for (const path of [
    '/a/../__dt=2020-10-15/x.json.gz',
    '/a/pre ss/__dt=2020-10-15/x.json.gz',
    '/a/press/__dt=2020-13-45/x.json.gz',
    '/a/press/elsewhere/x.json.gz',
    '/a/__internal/__dt=2020-10-15/x.json.gz',
    '/x.csv',
  ]) {
    assert.match(Object(sourceFile(path, 7, RULES)).problem, /^expected/, path)
  }
  assert.equal(sourceFile('/a/press/readme.txt', 7, RULES), undefined)
})

test('times that can’t be true are not taken from a name', () => {
  const found = sourceFile(
    '/a/press/__dt=2020-10-15/9999999999999_9999999999999_1_p.json.gz',
    7,
    RULES,
  )

  assert.equal(Object(found).day, '2020-10-15')
})
