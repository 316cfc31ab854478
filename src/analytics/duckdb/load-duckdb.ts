/**
 * Loads DuckDB, an optional dependency. Call this before importing a file that imports
 * `@duckdb/node-api`, so that its absence is reported with what to do.
 */
import { ConnectorError, messageOf, systemCodeOf } from '../../errors.ts'

/** Pinned, because not every release has packages for all platforms. */
const PACKAGE = '@duckdb/node-api@1.5.6-r.1'

export type DuckDB = typeof import('@duckdb/node-api')

/** @throws {ConnectorError} AnalyticsUnavailable if it is not installed, or does not run here. */
export async function loadDuckdb(
  load: () => Promise<DuckDB> = () => import('@duckdb/node-api'),
): Promise<DuckDB> {
  try {
    return await load()
  } catch (thrown) {
    const isMissing = systemCodeOf(thrown) === 'ERR_MODULE_NOT_FOUND'
    const reason = isMissing
      ? 'which is not installed'
      : `which can’t be loaded: ${messageOf(thrown)}`
    throw new ConnectorError(
      'AnalyticsUnavailable',
      `Tables and SQL need the package ${PACKAGE}, ${reason}. Run: npm install ${PACKAGE}`,
      { cause: thrown },
    )
  }
}
