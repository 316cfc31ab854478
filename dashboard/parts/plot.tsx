/** Lines over time, drawn by uPlot on a canvas; the code comes with the first plot. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { dateTimeText } from '../../src/format/time.ts'
import { theme, zone } from '../live/preferences.ts'
import type { DrawnPlot, PlotData } from './graphs/plot-canvas.ts'

export interface PlotProps extends PlotData {
  /** What a screen reader says. */
  readonly label: string
}

/** More rows are in the download, not in the table. */
const MAX_TABLE_ROWS = 200

export function Plot({ label, times, series }: PlotProps) {
  const place = useRef<HTMLDivElement>(null)
  const drawn = useRef<DrawnPlot>(undefined)
  const names = series.map(({ name }) => name).join('\n')
  // Colours and times are read when the plot is made.
  const look = `${theme.value} ${zone.value} ${names}`
  useEffect(() => {
    let isGone = false
    void import('./graphs/plot-canvas.ts').then(({ drawPlot }) => {
      if (isGone || place.current === null) return
      drawn.current = drawPlot(place.current, { times, series }, zone.peek())
    })
    return () => {
      isGone = true
      drawn.current?.remove()
      drawn.current = undefined
    }
  }, [look])
  useEffect(() => drawn.current?.update({ times, series }), [times, series])
  return (
    <figure class="plot">
      <div ref={place} class="plot-place" role="img" aria-label={label} />
      <PlotTable times={times} series={series} />
    </figure>
  )
}

function PlotTable({ times, series }: PlotData) {
  const [isOpen, setOpen] = useState(false)
  const rows = times.slice(-MAX_TABLE_ROWS)
  const skipped = times.length - rows.length
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>As a table</summary>
      {isOpen && (
        // A keyboard must be able to scroll it.
        <div class="plot-table" tabIndex={0}>
          <table class="data-table">
            <thead>
              <tr>
                <th scope="col">Time</th>
                {series.map(({ name }) => (
                  <th key={name} scope="col" class="is-figure">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((time, index) => (
                <tr key={`${time}/${index}`}>
                  <th scope="row">{dateTimeText(time * 1000, zone.value)}</th>
                  {series.map(({ name, values }) => (
                    <td key={name} class="is-figure" data-column={name}>
                      {values[skipped + index] ?? '–'}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}
