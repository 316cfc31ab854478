/** A query on a data directory, in a worker process of its own. */
import type { QueryOptions } from '../../../analytics/query/options.ts'
import type { QuerySummary } from '../../../analytics/query/query-request.ts'
import type { Asked } from './asked.ts'

export interface QueriedDirectory {
  /** As an absolute path. */
  readonly directory: string
  readonly limits: QueryOptions
}

export async function queryDirectory(
  { question, signal, onPart }: Asked,
  { directory, limits }: QueriedDirectory,
): Promise<QuerySummary> {
  const { openQueries } = await import('../../../analytics/query/queries.ts')
  const queries = openQueries(directory, { ...limits, maxRunning: 1 })
  try {
    return await queries.run(question, { signal, onPart })
  } finally {
    await queries.close()
  }
}
