/** The line below a result: how much there is, and what was read for it. */
import type { QuerySummary } from '../../../analytics/query/query-request.ts'
import { counted } from '../../../units.ts'

const UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
]

/** Such as `12 rows in 0.31 s; read 3 files (12.4 MB) and 1200 messages that are in none yet`. */
export function footerOf(summary: QuerySummary): string {
  const { rows, isCut, elapsedMs } = summary
  const found = `${isCut ? 'the first ' : ''}${counted(rows, 'row')}`
  return `${found} in ${(elapsedMs / 1000).toFixed(2)} s${sourcesOf(summary)}`
}

function sourcesOf({ files, fileBytes, tailRows }: QuerySummary): string {
  const messages = counted(tailRows, 'message')
  if (files === 0) return tailRows === 0 ? '' : `; read ${messages}`
  const parts = `; read ${counted(files, 'file')} (${sizeText(fileBytes)})`
  return tailRows === 0 ? parts : `${parts} and ${messages} that are in none yet`
}

function sizeText(bytes: number): string {
  const [unit, size] = UNITS.find(([, size]) => bytes >= size) ?? ['B', 1]
  return `${size === 1 ? bytes : (bytes / size).toFixed(1)} ${unit}`
}
