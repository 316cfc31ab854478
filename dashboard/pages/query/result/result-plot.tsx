/** The rows as lines over time. */
import { useMemo } from 'preact/hooks'
import { zoneText } from '../../../../src/format/time.ts'
import { now } from '../../../live/clock.ts'
import { zone } from '../../../live/preferences.ts'
import { Empty } from '../../../parts/notices.tsx'
import { Plot } from '../../../parts/plot.tsx'
import { VisibleText } from '../../../parts/visible-text.tsx'
import { MAX_LINES, plottedColumns } from './plot-columns.ts'
import type { Result } from './result-row.ts'

export function ResultPlot({ result }: { result: Result }) {
  const plotted = useMemo(() => plottedColumns(result), [result])
  if (plotted === undefined) {
    return (
      <Empty>
        A plot needs a column of times and a column of numbers, for example{' '}
        <code>
          select time_bucket(interval 1 minute, arrival_time) as minute, avg(temp) from my_channel
          group by all order by minute
        </code>
      </Empty>
    )
  }
  const { x, times, series, omitted } = plotted
  return (
    <>
      <Plot
        label={`${series.map(({ name }) => name).join(', ')} by ${x}`}
        times={times}
        series={series}
      />
      <p class="quiet">
        Times of the plot are in {zoneText(now.peek(), zone.value)}; in the table and in files they
        are as the query gives them, and without a zone they are in UTC.
        {omitted.length > 0 && (
          <>
            {' '}
            Only the first {MAX_LINES} columns of numbers are drawn, without{' '}
            <VisibleText text={omitted.join(', ')} maxCharacters={300} />.
          </>
        )}
      </p>
    </>
  )
}
