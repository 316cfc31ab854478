/** Asks a query and reads its rows as they come, as many as a page can show. */
import { request } from '../../api/client.ts'
import { cellsOf, type Result } from './result/result-row.ts'

export const MAX_ROWS = 1_000
/** Of text. Payloads may be large, and the page keeps all of them. */
const MAX_BYTES = 16_000_000

export interface RunOptions {
  readonly signal: AbortSignal
  readonly onRows?: (count: number) => void
}

/** @throws {Error} with the connector's words; or what `signal` was aborted with */
export async function runQuery(sql: string, { signal, onRows }: RunOptions): Promise<Result> {
  const begun = performance.now()
  // One more, which shows that there are more.
  const response = await ask({ sql, format: 'jsonl', maxRows: MAX_ROWS + 1 }, signal)
  const lines: string[] = []
  let bytes = 0
  for await (const line of linesOf(response, signal)) {
    lines.push(line)
    bytes += line.length
    onRows?.(lines.length)
    if (lines.length > MAX_ROWS || bytes > MAX_BYTES) break
  }
  const isCut = lines.length > MAX_ROWS || bytes > MAX_BYTES
  const rows = lines.slice(0, MAX_ROWS).map(cellsOf)
  return {
    columns: rows[0]?.map(({ name }) => name) ?? [],
    rows,
    isCut,
    elapsedMs: performance.now() - begun,
  }
}

/** The whole result as a file. */
export async function resultFile(
  sql: string,
  format: 'csv' | 'parquet',
  signal: AbortSignal,
): Promise<Blob> {
  const response = await ask({ sql, format }, signal)
  try {
    return await response.blob()
  } catch (thrown) {
    signal.throwIfAborted()
    throw new Error(ENDED_EARLY, { cause: thrown })
  }
}

/** The reason comes behind the rows, where pages cannot read it. */
const ENDED_EARLY =
  'The connector ended the result before it was complete: it met a limit of analytics.query, or the connection was lost. Ask for fewer rows or columns; the connector’s log has the reason.'

function ask(question: object, signal: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(question) }
  return request('query', init, { signal })
}

/** Leaving the loop cancels the query. */
async function* linesOf(response: Response, signal: AbortSignal): AsyncGenerator<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (thrown) {
    signal.throwIfAborted()
    throw new Error(ENDED_EARLY, { cause: thrown })
  } finally {
    await reader.cancel().catch(() => {})
  }
  if (rest !== '') yield rest
}
