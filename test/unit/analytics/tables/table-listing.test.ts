import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  dayOfDirectory,
  parseTablePath,
  tableFilePath,
} from '../../../../src/analytics/tables/table-file.ts'
import { coverageOf, listTable } from '../../../../src/analytics/tables/table-listing.ts'
import { channelTable, tableDirectory } from '../../../../src/analytics/tables/table-location.ts'
import { temporaryDirectory } from '../../../support/disk/disk-stores.ts'

const LOG = '0a1b2c3d'
const DAY = '2026-11-29'

function pathOf(first: number, end: number, { day = DAY, logId = LOG } = {}): string {
  return tableFilePath({ day, logId, first, end })
}

async function tableOf(t: TestContext, ...paths: string[]): Promise<string> {
  const directory = await temporaryDirectory(t)
  for (const path of paths) {
    const whole = join(tableDirectory(directory, 'tables/plant'), path)
    await mkdir(dirname(whole), { recursive: true })
    await writeFile(whole, 'x')
  }
  return directory
}

test('the name of a file says its day, its log and its rows', () => {
  const file = { day: DAY, logId: LOG, first: 1200, end: 1500 }

  assert.equal(
    tableFilePath(file),
    '__dt=2026-11-29/0a1b2c3d-0000000000001200-0000000000001500.parquet',
  )
  assert.deepEqual(parseTablePath(tableFilePath(file)), file)
})

test('names that no converter writes are no files of a table', () => {
  for (const path of [
    `../${pathOf(0, 5)}`,
    `x/${pathOf(0, 5)}`,
    pathOf(0, 5).replace('29/', '31/'),
    pathOf(0, 5).replace('__dt=', 'dt='),
    pathOf(0, 5).replace(LOG, LOG.toUpperCase()),
    pathOf(5, 5),
    pathOf(0, 2 ** 53),
    `${pathOf(0, 5)}.parquet`,
    `__dt=${DAY}/.${LOG}-0000000000000000-0000000000000005.parquet`,
    '_schema.json',
    '',
  ]) {
    assert.equal(parseTablePath(path), undefined, path)
  }
  assert.equal(dayOfDirectory('__dt=2026-02-30'), undefined)
  assert.equal(dayOfDirectory('__dt=2026-11-29 00:00:00'), undefined)
})

test('a name that no channel can have leads to no directory', () => {
  for (const channel of ['../plant', '', '__sessions', 'a/b', 'a\0b']) {
    assert.throws(() => channelTable(channel), RangeError, channel)
  }
})

test('a channel without files has an empty listing', async (t) => {
  const directory = await temporaryDirectory(t)

  assert.deepEqual(await listTable(directory, 'tables/plant'), {
    files: [],
    superseded: [],
    hidden: [],
    unknown: [],
  })
})

test('a file whose rows are in a wider one is not read', async (t) => {
  const directory = await tableOf(
    t,
    pathOf(0, 100),
    pathOf(100, 200),
    pathOf(0, 200),
    pathOf(200, 250),
    pathOf(200, 300),
    pathOf(0, 50, { logId: 'ffffffff' }),
  )

  const { files, superseded } = await listTable(directory, 'tables/plant')

  assert.deepEqual(
    files.map(({ logId, first, end }) => [logId, first, end]),
    [
      [LOG, 0, 200],
      [LOG, 200, 300],
      ['ffffffff', 0, 50],
    ],
  )
  assert.deepEqual(
    superseded.map(({ file, by }) => [file.first, file.end, by.first, by.end]),
    [
      [0, 100, 0, 200],
      [100, 200, 0, 200],
      [200, 250, 200, 300],
    ],
  )
})

test('unfinished files and files of others are listed apart', async (t) => {
  const hidden = `__dt=${DAY}/.${LOG}-0000000000000000-0000000000000005.parquet`
  const unknown = [`__dt=${DAY}/mine.parquet`, 'notes.txt']
  const directory = await tableOf(t, pathOf(0, 5), hidden, ...unknown, '_schema.json')

  const listing = await listTable(directory, 'tables/plant')

  assert.deepEqual(
    listing.files.map(({ path }) => path),
    [pathOf(0, 5)],
  )
  assert.deepEqual(listing.hidden, [hidden])
  assert.deepEqual([...listing.unknown].sort(), unknown)
})

test('the coverage of a log has its end and the gaps between its files', async (t) => {
  const paths = [pathOf(10, 20), pathOf(20, 30), pathOf(35, 40, { day: '2026-11-30' })]
  const directory = await tableOf(t, ...paths, pathOf(0, 99, { logId: 'ffffffff' }))
  const { files } = await listTable(directory, 'tables/plant')

  assert.deepEqual(coverageOf(files, LOG), { end: 40, gaps: [{ from: 30, to: 35 }] })
  assert.deepEqual(coverageOf(files, 'eeeeeeee'), { end: 0, gaps: [] })
})
