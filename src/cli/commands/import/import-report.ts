/** What was imported, for people and for programs. */
import type { ImportBatch } from '../../../analytics/imports/batches.ts'
import type { FoundSources, LeftOutFile } from '../../../analytics/imports/find-sources.ts'
import type { BatchResult } from '../../../analytics/imports/import-batch.ts'
import { originOf, type TableLocation } from '../../../analytics/tables/table-location.ts'
import { printable, safeJson } from '../../../shown-text.ts'
import { counted } from '../../../units.ts'
import { formatCount, megabytes } from './import-numbers.ts'

const MAX_SHOWN = 20

type TableSum = Omit<BatchResult, 'damaged'>

export class ImportReport {
  readonly #sums = new Map<TableLocation, TableSum>()
  readonly #leftOut: LeftOutFile[]

  constructor({ leftOut }: FoundSources) {
    this.#leftOut = [...leftOut]
  }

  /** Whether all files were imported, now or earlier. */
  get isComplete(): boolean {
    return this.#leftOut.length === 0
  }

  add({ table }: ImportBatch, { damaged, ...result }: BatchResult): void {
    const before = this.#sums.get(table)
    const names = Object.keys(result) as (keyof TableSum)[]
    const sum = { ...result }
    if (before !== undefined) for (const name of names) sum[name] += before[name]
    this.#sums.set(table, sum)
    this.#leftOut.push(...damaged)
  }

  text(): string {
    const lines = [...this.#sums].flatMap(([table, sum]) => tableLines(table, sum))
    if (this.#leftOut.length > 0) {
      lines.push(`not imported: ${counted(this.#leftOut.length, 'file')}`)
      for (const { path, reason } of this.#leftOut.slice(0, MAX_SHOWN)) {
        lines.push(`  ${printable(path)}: ${printable(reason)}`)
      }
      const more = this.#leftOut.length - MAX_SHOWN
      if (more > 0) lines.push(`  … and ${more} more`)
    }
    return `${lines.join('\n')}\n`
  }

  json(): string {
    const tables = [...this.#sums].map(([table, sum]) => ({ ...originOf(table), ...sum }))
    return `${safeJson(JSON.stringify({ tables, notImported: this.#leftOut }, null, 2))}\n`
  }
}

function tableLines(table: TableLocation, sum: TableSum): string[] {
  const { rows, imported, known, files, bytes, notJson, tooLong } = sum
  const done =
    imported === 0
      ? 'nothing new'
      : `${countedRows(rows)} from ${counted(imported, 'file')}, ${megabytes(bytes)} in ${counted(files, 'Parquet file')}`
  const before = known === 0 ? '' : `; ${counted(known, 'file')} imported before`
  const lines = [`${nameOf(table)}: ${done}${before}`]
  if (notJson > 0) lines.push(`  ${countedRows(notJson)} without JSON, kept as they are`)
  if (tooLong > 0)
    lines.push(`  lines of more than 1 MiB, which were dropped: ${formatCount(tooLong)}`)
  return lines
}

function countedRows(rows: number): string {
  return `${formatCount(rows)} row${rows === 1 ? '' : 's'}`
}

/** `channel press`, `datastore readings` */
export function nameOf(table: TableLocation): string {
  const { channel, datastore } = originOf(table)
  return channel === undefined ? `datastore ${datastore}` : `channel ${channel}`
}

/** What a dry run has found. */
export function foundText({ sources, leftOut }: FoundSources): string {
  const tables = [...new Set(sources.map(({ table }) => table))]
  const lines = tables.map((table) => {
    const list = sources.filter((source) => source.table === table)
    const bytes = list.reduce((sum, source) => sum + source.bytes, 0)
    const days = list.flatMap(({ day }) => day ?? []).sort()
    const range = days.length === 0 ? '' : `, ${days[0]} to ${days.at(-1)}`
    return `${nameOf(table)}: ${counted(list.length, 'file')}, ${megabytes(bytes)}${range}`
  })
  for (const { path, reason } of leftOut.slice(0, MAX_SHOWN)) {
    lines.push(`left out: ${printable(path)}: ${printable(reason)}`)
  }
  return `${lines.join('\n')}\n`
}
