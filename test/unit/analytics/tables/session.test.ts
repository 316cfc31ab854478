/** Errors of DuckDB in jobs that write files. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { textLiteral } from '../../../../src/analytics/duckdb/sql-text.ts'
import { temporaryDirectory, WITHOUT_DUCKDB } from '../../../support/analytics/opened-instance.ts'

const skip = WITHOUT_DUCKDB

/** Runs a statement as a job does. */
async function run(t: TestContext, sql: string): Promise<unknown> {
  const { withSession } = await import('../../../../src/analytics/tables/jobs/session.ts')
  return await withSession(t.signal, (connection) => connection.run(sql))
}

test('a file that can’t be written is a failure of storage, with its path', { skip }, async (t) => {
  const file = join(temporaryDirectory(t), 'missing', 'a.parquet')

  await assert.rejects(run(t, `copy (select 1) to ${textLiteral(file)} (format parquet)`), {
    code: 'StorageFailed',
    message: /missing\/a\.parquet/,
  })
})

test('too little memory is said to be that, on one line', { skip }, async (t) => {
  await assert.rejects(run(t, 'select list(i) from range(100000000) t(i)'), {
    code: 'AnalyticsUnavailable',
    message: /^DuckDB needs more memory .+$/,
  })
})

test('another error keeps what DuckDB says, without its JSON', { skip }, async (t) => {
  await assert.rejects(run(t, 'select missing'), {
    code: 'Unexpected',
    message: /^Referenced column "missing" was not found/,
  })
})
