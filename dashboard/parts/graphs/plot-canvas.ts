/** uPlot with our colours, our times and the width of its place. */
import uPlot from 'uplot'
import { clockText, dateText, type Zone } from '../../../src/format/time.ts'

export interface PlotData {
  /** Seconds since 1970, in order. */
  readonly times: readonly number[]
  /** At most eight. */
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
}

export interface DrawnPlot {
  update(data: PlotData): void
  remove(): void
}

const HEIGHT = 240
/** The width of a time below the axis. */
const LABEL_PX = 90
const DAY_S = 86_400
/** Custom properties of the style sheet; lines beyond these are dashed. */
const COLOURS = ['--info', '--ok', '--warn', '--bad']
const DASHES = [[], [6, 4]]

/** Draws again when the system changes between light and dark, because a canvas does not follow. */
export function drawPlot(place: HTMLElement, data: PlotData, zone: Zone): DrawnPlot {
  let shown = data
  let plot = made(place, shown, zone)
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const again = (): void => {
    plot.destroy()
    plot = made(place, shown, zone)
  }
  const size = new ResizeObserver(() =>
    plot.setSize({ width: Math.max(1, place.clientWidth), height: HEIGHT }),
  )
  dark.addEventListener('change', again)
  size.observe(place)
  return {
    update(next) {
      shown = next
      plot.setData(aligned(next))
    },
    remove() {
      dark.removeEventListener('change', again)
      size.disconnect()
      plot.destroy()
    },
  }
}

function made(place: HTMLElement, data: PlotData, zone: Zone): uPlot {
  const colour = (name: string): string => getComputedStyle(place).getPropertyValue(name)
  const axis: uPlot.Axis = {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
  }
  const options: uPlot.Options = {
    width: Math.max(1, place.clientWidth),
    height: HEIGHT,
    scales: { x: { range: (_, min, max) => spread(min, max) } },
    axes: [
      { ...axis, space: LABEL_PX, values: (_, splits) => timeLabels(splits, zone) },
      { ...axis, size: widthOfLabels },
    ],
    series: [
      { label: 'Time', value: (_, time) => (time === null ? '–' : label(time, zone)) },
      ...data.series.map(({ name }, index) => ({
        label: name,
        stroke: colour(COLOURS[index % COLOURS.length] ?? ''),
        dash: DASHES[Math.floor(index / COLOURS.length) % DASHES.length] ?? [],
        width: 1.5,
        spanGaps: true,
      })),
    ],
  }
  return new uPlot(options, aligned(data), place)
}

/** Messages of one moment are in the middle of a second; uPlot would make years of it. */
function spread(min: number | null, max: number | null): uPlot.Range.MinMax {
  if (min === null || max === null || max - min >= 1) return [min, max]
  const middle = (min + max) / 2
  return [middle - 0.5, middle + 0.5]
}

/** Large numbers have long labels. */
function widthOfLabels(_: uPlot, labels: readonly string[] | null): number {
  return 24 + 7 * Math.max(0, ...(labels ?? []).map(({ length }) => length))
}

function aligned({ times, series }: PlotData): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])]
}

/** The date only where the labels are days apart. */
function timeLabels(times: readonly number[], zone: Zone): string[] {
  const [first = 0, second = first + 1] = times
  return times.map((time) =>
    second - first >= DAY_S ? dateText(time * 1000, zone) : clockText(time * 1000, zone),
  )
}

function label(time: number, zone: Zone): string {
  return `${dateText(time * 1000, zone)} ${clockText(time * 1000, zone)}`
}
