/** DuckDB is an optional package: what is said where it is missing, or does not run. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { compiledWithoutDuckdb } from '../../../support/processes/without-duckdb.ts'

type Module = typeof import('../../../../src/analytics/duckdb/load-duckdb.ts')

async function moduleIn(t: TestContext) {
  const modules = await compiledWithoutDuckdb(t)
  const path = join(modules, 'analytics', 'duckdb', 'load-duckdb.js')
  const { loadDuckdb }: Module = await import(pathToFileURL(path).href)
  return { loadDuckdb, installed: join(modules, '..', '..', 'node_modules', '@duckdb', 'node-api') }
}

test('where DuckDB is not installed, the error says what to install', async (t) => {
  const { loadDuckdb } = await moduleIn(t)

  assert.throws(loadDuckdb, {
    code: 'AnalyticsUnavailable',
    message:
      /^Tables and SQL need the package (@duckdb\/node-api@\S+), which is not installed\. Run: npm install \1$/,
  })
})

test('where DuckDB is installed and does not run, the error says why', async (t) => {
  const { loadDuckdb, installed } = await moduleIn(t)
  await mkdir(installed, { recursive: true })
  await writeFile(join(installed, 'package.json'), '{"type":"commonjs","main":"index.js"}')
  await writeFile(join(installed, 'index.js'), 'throw new Error("no binary for this system")')

  assert.throws(loadDuckdb, {
    code: 'AnalyticsUnavailable',
    message: /which can’t be loaded: no binary for this system\. Run: npm install/,
  })
})
