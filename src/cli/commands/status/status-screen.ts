/** One screen for people: the verdict, the figures, and the way from sources to destinations. */
import { countText } from '../../../format/count.ts'
import { rateText } from '../../../format/rate.ts'
import type { Overview } from '../../../http/api/shapes/overview.ts'
import { channelLines, destinationLines, sourceLines } from '../../operator/flow-tables.ts'
import type { Look } from '../../operator/look.ts'
import { figureLines, verdictLines } from '../../operator/overview-lines.ts'

export function statusScreen(overview: Overview, look: Look): string {
  const { now, sources, channels, channelCount, destinations } = overview
  const lines = [
    ...verdictLines(overview, look),
    '',
    ...figureLines(overview, look),
    ...section(sources, sourceLines(sources, look)),
    ...section(channels, channelLines(channels, now, look)),
    ...othersLine(overview, channelCount - channels.length),
    ...section(destinations, destinationLines(destinations, now, look)),
  ]
  return `${lines.join('\n')}\n`
}

function section(rows: readonly unknown[], lines: readonly string[]): readonly string[] {
  return rows.length === 0 ? [] : ['', ...lines]
}

function othersLine({ rates, channels }: Overview, others: number): string[] {
  if (others <= 0) return []
  const shown = channels.reduce((sum, row) => sum + row.in, 0)
  return [`and ${countText(others)} more, ${rateText(Math.max(0, rates.in - shown))} in`]
}
