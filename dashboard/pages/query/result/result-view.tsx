/** What came of a query: rows as a table or a plot, or why there are none. */
import { exactCount } from '../../../../src/format/count.ts'
import { durationText } from '../../../../src/format/duration.ts'
import { ApiError } from '../../../api/client.ts'
import { now } from '../../../live/clock.ts'
import { counted } from '../../../parts/figures.tsx'
import { Icon } from '../../../parts/icon.tsx'
import { Empty, Loading } from '../../../parts/notices.tsx'
import { VisibleText } from '../../../parts/visible-text.tsx'
import { route, setQuery } from '../../../shell/current-route.ts'
import type { QueryState } from '../use-query.ts'
import { Downloads } from './downloads.tsx'
import { ResultPlot } from './result-plot.tsx'
import type { Result } from './result-row.ts'
import { ResultTable } from './result-table.tsx'

export function ResultView({ state }: { state: QueryState }) {
  if (state.kind === 'running') return <Running since={state.since} rows={state.rows} />
  if (state.kind === 'failed') return <QueryError error={state.error} />
  if (state.kind === 'done') return <Rows sql={state.sql} result={state.result} />
  return (
    <Empty>
      {state.kind === 'cancelled'
        ? 'Cancelled.'
        : 'The result comes here. A message is in the next query as soon as it is acknowledged.'}
    </Empty>
  )
}

function Running({ since, rows }: { since: number; rows: number }) {
  // Each tick of the clock draws this again; the query was started by this machine's clock.
  const seconds = now.value > 0 ? Math.floor((Date.now() - since) / 1000) : 0
  return (
    <Loading>
      Running{seconds > 0 && ` for ${durationText(seconds)}`}
      {rows > 0 && `, ${counted(rows, 'row')} so far`} …
    </Loading>
  )
}

/** The message has lines: the reason, the line of the query, and a caret below the place. */
function QueryError({ error }: { error: Error }) {
  return (
    <div class="notice is-bad query-error" role="alert">
      <Icon name="down" />
      <div>
        <pre tabIndex={0}>
          <VisibleText text={error.message} hasLines={true} />
        </pre>
        {error instanceof ApiError && <p>{error.code}</p>}
      </div>
    </div>
  )
}

function Rows({ sql, result }: { sql: string; result: Result }) {
  const isPlot = route.value.query['view'] === 'plot'
  return (
    <section class="card result">
      <div class="controls">
        <p role="status">
          {counted(result.rows.length, 'row')}
          {result.isCut && ' shown, and there are more: the files have all of them'},{' '}
          {durationText(result.elapsedMs / 1000)}
        </p>
        <fieldset class="choices is-last">
          <legend class="visually-hidden">Show as</legend>
          {(['table', 'plot'] as const).map((one) => (
            <button
              key={one}
              type="button"
              class="button is-small"
              aria-pressed={isPlot === (one === 'plot')}
              onClick={() => setQuery({ view: one === 'plot' ? 'plot' : '' })}
            >
              {one}
            </button>
          ))}
        </fieldset>
        <Downloads sql={sql} />
      </div>
      {result.rows.length === 0 && (
        <Empty>The query has run, and found {exactCount(0)} rows.</Empty>
      )}
      {result.rows.length > 0 &&
        (isPlot ? <ResultPlot result={result} /> : <ResultTable result={result} />)}
    </section>
  )
}
