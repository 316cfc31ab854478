/**
 * The job `derive`: messages of a channel become rows of a datastore, in Parquet files, one for each
 * day. It only reads the channel. A job that is killed leaves at most a hidden file and whole files of
 * the first days; the next one begins behind those.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { OffsetRange } from '../../../channels/log/channel-log.ts'
import type { Message } from '../../../message.ts'
import type { FailedMessage } from '../../pipelines/message-run.ts'
import type { Pipeline } from '../../pipelines/pipeline.ts'
import { type Catalogue, keepFacts } from '../../tables/catalogue.ts'
import { declaredColumns, type FieldColumn, mergeColumns } from '../../tables/columns.ts'
import { FieldSampling } from '../../tables/field-sampling.ts'
import { driftedIn } from '../../tables/jobs/convert.ts'
import { type DayRange, dayRanges } from '../../tables/jobs/day-ranges.ts'
import { publish, withFile, writeHidden } from '../../tables/jobs/parquet-file.ts'
import { openCatalogue } from '../../tables/jobs/rebuild.ts'
import { dayOf } from '../../tables/table-file.ts'
import { listTable } from '../../tables/table-listing.ts'
import { type Derivation, type DerivationResult, tableOf } from './derivation.ts'
import { type DerivedRow, DerivedRows } from './derived-rows.ts'
import { byActivity } from './failures.ts'
import { type ArrivalWindow, runRange, sampleRows } from './run-range.ts'

/** What a job needs besides what it is asked. */
export interface DerivationTools {
  readonly connection: DuckDBConnection
  readonly pipeline: Pipeline
  readonly signal: AbortSignal
  /** Keeps the failed ones of these offsets, in place of those that were kept of them before. */
  readonly keepFailures: (
    range: { readonly from: number; readonly to: number },
    failed: readonly FailedMessage<Message>[],
  ) => Promise<void>
}

/**
 * @throws {ConnectorError} DataDamaged if a file can't be read back as it was written; what the
 *   pipeline throws
 */
export async function derive(
  derivation: Derivation,
  tools: DerivationTools,
  window?: ArrivalWindow,
): Promise<DerivationResult> {
  const { connection, pipeline, signal } = tools
  const { directory, connectorId, logId, from } = derivation
  const table = tableOf(derivation)
  const { to, messages, rows, dropped, failed, read } = await runRange(
    connection,
    derivation,
    pipeline,
    { signal, ...(window && { window }) },
  )
  const derived = new DerivedRows()
  await derived.register(connection)
  derived.set(rows)
  const sampling = new FieldSampling()
  sampleRows(sampling, rows)
  let catalogue = await openedCatalogue(connection, derivation, sampling)
  const result = { files: 0, bytes: 0, drifted: 0 }
  for (const range of dayRanges({ from, to }, daysOf(rows))) {
    signal.throwIfAborted()
    await keepWithin(range)
    const file = { day: range.day, logId, first: range.from, end: range.to }
    const source = derived.source(range.from, range.to)
    const { columns } = catalogue
    const parquet = { directory, table, connectorId, file, columns, source }
    const facts = await writeHidden(connection, parquet)
    if (facts === undefined) continue
    catalogue = withFile(catalogue, file, facts)
    await publish(parquet, catalogue)
    result.files++
    result.bytes += facts.bytes
    result.drifted += driftedIn(facts)
  }
  // Without rows there are no days.
  if (rows.length === 0) await keepWithin({ from, to })
  const done = {
    to,
    messages,
    rows: rows.length,
    dropped,
    failures: byActivity(derivation, failed),
    ...result,
  }
  const readRows = read.reduce((sum, one) => sum + one.to - one.from, 0)
  return { ...done, gap: window === undefined ? to - from - readRows : 0 }

  /** What is known of messages that were not asked for stays. */
  async function keepWithin(range: OffsetRange): Promise<void> {
    const own = failed.filter(({ input }) => isWithin(input.offset, range))
    const asked = window === undefined ? [range] : read.map((one) => overlapOf(one, range))
    for (const one of asked) {
      await tools.keepFailures(
        one,
        own.filter(({ input }) => isWithin(input.offset, one)),
      )
    }
  }
}

/** The catalogue with the columns of these samples, or with the declared ones. */
export async function openedCatalogue(
  connection: DuckDBConnection,
  derivation: Derivation,
  sampling: FieldSampling,
): Promise<Catalogue> {
  const { directory, columns: declared } = derivation
  const table = tableOf(derivation)
  const known = await openCatalogue(connection, directory, table)
  const { files } = await listTable(directory, table)
  const isThere = new Set(files.map(({ path }) => path))
  const columns: readonly FieldColumn[] =
    declared === undefined
      ? mergeColumns(known.columns, sampling.fields())
      : declaredColumns(declared)
  return { ...known, columns, files: keepFacts(known.files, (path) => isThere.has(path)) }
}

/** Each day with its first row and the offset after its last. */
function daysOf(rows: readonly DerivedRow[]): DayRange[] {
  const days = new Map<string, { day: string; from: number; to: number }>()
  for (const { input } of rows) {
    const day = dayOf(input.receivedAt)
    const known = days.get(day)
    if (known === undefined) days.set(day, { day, from: input.offset, to: input.offset + 1 })
    else known.to = input.offset + 1
  }
  return [...days.values()]
}

function overlapOf(one: OffsetRange, other: OffsetRange): OffsetRange {
  return { from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) }
}

function isWithin(offset: number, { from, to }: OffsetRange): boolean {
  return offset >= from && offset < to
}
