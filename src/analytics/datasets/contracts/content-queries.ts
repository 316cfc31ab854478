import type { Question, Reader } from '../../query/query-runner.ts'

/** Runs SQL, as `QueryRunner` does. */
export interface ContentQueries {
  /** @throws {ConnectorError} InvalidQuery, QueryLimit, AnalyticsUnavailable */
  run(question: Question, reader: Reader): Promise<{ readonly rows: number }>
}
