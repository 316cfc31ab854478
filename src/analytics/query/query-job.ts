/**
 * A query, as a job of the worker process. Its events are parts of the result, as buffers; its
 * answer is a `QuerySummary`.
 */
import { loadDuckdb } from '../duckdb/load-duckdb.ts'
import type { Job } from '../worker/job.ts'
import { type QuerySummary, queryRequest } from './query-request.ts'

/** @throws {ConnectorError} AnalyticsUnavailable without DuckDB; InvalidQuery; QueryLimit */
export async function run(request: unknown, job: Job): Promise<QuerySummary> {
  const asked = queryRequest.parse(request)
  loadDuckdb()
  // These need it.
  const { runQuery } = await import('./run-query.ts')
  return await runQuery(asked, job)
}
