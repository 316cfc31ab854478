/** A query that the running connector answers over HTTP. */
import { asQuerySummary, type QuerySummary } from '../../../analytics/query/query-request.ts'
import { QUERY_PATH, SUMMARY_TRAILER } from '../../../http/routes/query.ts'
import type { ConnectorClient } from '../../connector-client.ts'
import type { Asked } from './asked.ts'

export async function queryConnector(
  { question, signal, onPart }: Asked,
  connector: ConnectorClient,
): Promise<QuerySummary> {
  const { isExplained, ...rest } = question
  const body = { ...rest, explain: isExplained }
  const trailer = SUMMARY_TRAILER
  const text = await connector.postForParts(QUERY_PATH, body, { signal, onPart, trailer })
  if (text === undefined) {
    throw connector.unexpectedAnswer('a part of the result, and then nothing more')
  }
  return asQuerySummary(JSON.parse(text))
}
