/** DuckDB in tests: skipped with one line where it is not installed; instances that are closed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  type Dialect,
  type Instance,
  openInstance,
} from '../../../src/analytics/duckdb/instance.ts'
import { loadDuckdb } from '../../../src/analytics/duckdb/load-duckdb.ts'

/** For the option `skip` of a test: false, or what to install. */
export const WITHOUT_DUCKDB: string | false = isLoaded()
  ? false
  : 'needs DuckDB: npm install @duckdb/node-api'

function isLoaded(): boolean {
  try {
    loadDuckdb()
    return true
  } catch {
    return false
  }
}

export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'analytics-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export async function openedInstance(
  t: TestContext,
  dialect: Dialect = 'duckdb',
): Promise<Instance> {
  const instance = await openInstance(
    {
      memoryBytes: 200 * 1024 ** 2,
      threads: 2,
      temporaryDirectory: join(temporaryDirectory(t), 'spilled'),
      maxTemporaryBytes: 100 * 1024 ** 2,
    },
    dialect,
  )
  t.after(() => instance.close())
  return instance
}
