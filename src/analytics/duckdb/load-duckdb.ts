/**
 * Loads DuckDB, an optional dependency. A file that needs more of it than its types may only be
 * imported after this, so that its absence is reported with what to do.
 */
import { createRequire } from 'node:module'
import { isSea } from 'node:sea'
import { ConnectorError, messageOf } from '../../errors.ts'

const NAME = '@duckdb/node-api'
/** Pinned, because not every release has packages for all platforms. */
const PACKAGE = `${NAME}@1.5.6-r.1`

export type DuckDB = typeof import('@duckdb/node-api')

/** `import` would search its hundred files for exports first, which takes 0.2 s. */
const requireHere = createRequire(import.meta.url)

/** @throws {ConnectorError} AnalyticsUnavailable if it is not installed, or does not run here. */
export function loadDuckdb(): DuckDB {
  if (isSea()) throw notInExecutable()
  if (!isInstalled()) throw unavailable('which is not installed')
  try {
    return requireHere(NAME)
  } catch (thrown) {
    throw unavailable(`which can’t be loaded: ${messageOf(thrown)}`, thrown)
  }
}

function isInstalled(): boolean {
  try {
    requireHere.resolve(NAME)
    return true
  } catch {
    return false
  }
}

/** Native code cannot be loaded from within the executable. */
function notInExecutable(): ConnectorError {
  const text =
    'Tables and SQL need DuckDB, which the single executable does not have. Run the npm package or the Debian package instead.'
  return new ConnectorError('AnalyticsUnavailable', text)
}

function unavailable(reason: string, cause?: unknown): ConnectorError {
  const text = `Tables and SQL need the package ${PACKAGE}, ${reason}. Run: npm install ${PACKAGE}`
  return new ConnectorError('AnalyticsUnavailable', text, { cause })
}
