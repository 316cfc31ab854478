/** The CSV of datasets: what is written is read again, whatever it is and however it is cut. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { rowsOf } from '../../src/analytics/datasets/delivery/quoted-rows.ts'
import { QuotedCsv } from '../../src/analytics/query/formats/quoted-csv.ts'
import { duckdb, rowsOf as duckdbRows } from '../support/analytics/duckdb.ts'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { Random } from '../support/random.ts'

const PIECES = [
  '"',
  '""',
  ',',
  '\n',
  '\r\n',
  '\r',
  ' ',
  '',
  'x',
  'ü',
  '💧',
  '\0',
  '\\',
  "'",
  ';',
  '\t',
] as const
const COLUMNS = [
  { name: 'plain', type: 'VARCHAR' },
  { name: 'with "quotes", and\nlines', type: 'VARCHAR' },
  { name: '', type: 'VARCHAR' },
]

function textOf(random: Random): string {
  return Array.from({ length: random.below(6) }, () => random.oneOf(PIECES)).join('')
}

function rowsFrom(random: Random): (string | null)[][] {
  return Array.from({ length: random.below(8) }, () =>
    COLUMNS.map(() => (random.isOneIn(4) ? null : textOf(random))),
  )
}

function written(rows: (string | null)[][]): Buffer {
  const format = new QuotedCsv()
  return Buffer.from(format.begin(COLUMNS) + format.rows(rows) + format.end())
}

async function* cutInto(bytes: Buffer, random: Random): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(7)
    yield bytes.subarray(at, end)
    at = end
  }
}

test('every row is read as it was written, at every cut', async () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = new Random(seed)
    const rows = rowsFrom(random)
    const read: (string | null)[][] = []

    for await (const row of rowsOf(cutInto(written(rows), random), 10_000)) read.push([...row])

    assert.deepEqual(read, [COLUMNS.map(({ name }) => name), ...rows], `seed ${seed}`)
  }
})

test('a row that is too long is an error', async () => {
  const bytes = written([['x'.repeat(2_000), null, null]])

  await assert.rejects(async () => {
    for await (const _row of rowsOf(cutInto(bytes, new Random(1)), 1_000));
  }, RangeError)
})

test('DuckDB reads the values as they are', { skip: WITHOUT_DUCKDB }, async (t) => {
  const connection = await duckdb(t)
  const path = join(await temporaryDirectory(t), 'content.csv')
  const random = new Random(9)
  // DuckDB takes no NUL and makes each line end one of its own.
  const rows = Array.from({ length: 200 }, () =>
    COLUMNS.map(() => textOf(random).replaceAll(/[\0\r]/g, '')),
  )
  await writeFile(path, written(rows))

  const read = await duckdbRows(
    connection,
    `select * from read_csv('${path}', header = true, delim = ',', quote = '"', escape = '"', new_line = '\\n',
       columns = {'a': 'VARCHAR', 'b': 'VARCHAR', 'c': 'VARCHAR'}, allow_quoted_nulls = false)`,
  )

  assert.deepEqual(
    read.map(({ a, b, c }) => [a, b, c]),
    rows,
  )
})
