/**
 * Imports some files into one table. Rows of a day become one Parquet file, with offsets from 0 in a
 * log of their own, whose id follows from the files. The footer names the files, so importing them
 * again changes nothing. A process that is killed leaves whole Parquet files of the first days; the
 * next one leaves those days of those files out.
 *
 * A file that is damaged is left out as a whole.
 */
import { createHash } from 'node:crypto'
import type { DuckDBConnection } from '@duckdb/node-api'
import { type Catalogue, keepFacts } from '../tables/catalogue.ts'
import { declaredColumns, mergeColumns } from '../tables/columns.ts'
import { FieldSampling, SAMPLED_ROWS } from '../tables/field-sampling.ts'
import { publish, withFile, writeHidden } from '../tables/jobs/parquet-file.ts'
import { openCatalogue } from '../tables/jobs/rebuild.ts'
import { numberIn, rowsOf } from '../tables/jobs/session.ts'
import { listTable } from '../tables/table-listing.ts'
import type { TableLocation } from '../tables/table-location.ts'
import { DamagedSource } from './damaged-source.ts'
import type { ExportColumn } from './export-rows.ts'
import { type ImportedSources, importedSources, SOURCES_KEY } from './imported-sources.ts'
import type { SourceFile } from './source-file.ts'
import { type ReadingOptions, readSource, sourceIdOf } from './source-reading.ts'
import { Stage } from './stage.ts'

const LARGEST_SAMPLE_BYTES = 64 * 1024

export interface ImportRequest {
  /** The data directory. */
  readonly directory: string
  readonly temporaryDirectory: string
  readonly connectorId: string
  readonly table: TableLocation
  readonly sources: readonly SourceFile[]
  /** As the datastore declares them; undefined: the values decide. */
  readonly columns?: readonly ExportColumn[] | undefined
  readonly maxInflatedBytes?: number | undefined
}

export interface BatchResult {
  rows: number
  /** Parquet files, and their bytes. */
  files: number
  bytes: number
  /** Rows whose payload is no JSON; they are imported as they are. */
  notJson: number
  /** Lines that were dropped because of their length. */
  tooLong: number
  /** Sources that are in the table now. */
  imported: number
  /** Sources that were there before. */
  known: number
  /** With the reason; nothing of them was imported. */
  readonly damaged: { path: string; reason: string }[]
}

/** @param onBytes called with the bytes of the sources as they are read, or left out */
export async function importBatch(
  connection: DuckDBConnection,
  request: ImportRequest,
  onBytes: (bytes: number) => Promise<void>,
): Promise<BatchResult> {
  const { directory, table } = request
  const known = await importedSources(connection, directory, table)
  const stage = await Stage.open(connection, request.temporaryDirectory)
  const staging = new Staging(stage, known, { ...request, onBytes })
  for (const source of request.sources) await staging.take(source)
  stage.close()
  const { result } = staging
  if (stage.counts.size === 0) return result
  let catalogue = await catalogueFor(connection, stage, request)
  for (const [day, count] of [...stage.counts].sort()) {
    const ids = staging.idsOf(day)
    const logId = logIdOf(table, day, ids, known.logIds)
    const parquet = {
      ...request,
      file: { day, logId, first: 0, end: count },
      columns: catalogue.columns,
      source: stage.sourceOf(table, day),
      metadata: { [SOURCES_KEY]: ids.join(' ') },
    }
    const facts = await writeHidden(connection, parquet)
    if (facts === undefined) continue
    catalogue = keptFrom(withFile(catalogue, parquet.file, facts), day)
    await publish(parquet, catalogue)
    result.notJson += await notJsonIn(connection, parquet.source)
    result.rows += facts.rows
    result.files++
    result.bytes += facts.bytes
  }
  return result
}

class Staging {
  readonly result: BatchResult = {
    rows: 0,
    files: 0,
    bytes: 0,
    notJson: 0,
    tooLong: 0,
    imported: 0,
    known: 0,
    damaged: [],
  }
  readonly #stage: Stage
  readonly #known: ImportedSources
  readonly #options: ReadingOptions
  readonly #idsByDay = new Map<string, Set<string>>()
  #count = 0

  constructor(stage: Stage, known: ImportedSources, options: ReadingOptions) {
    this.#stage = stage
    this.#known = known
    this.#options = options
  }

  /** Sources with rows of the day, sorted. */
  idsOf(day: string): string[] {
    return [...(this.#idsByDay.get(day) ?? [])].sort()
  }

  async take(source: SourceFile): Promise<void> {
    const number = this.#count++
    const before = new Map(this.#stage.counts)
    let left = source.bytes
    const onBytes = async (bytes: number) => {
      left -= bytes
      await this.#options.onBytes(bytes)
    }
    try {
      const id = await sourceIdOf(source)
      const state = await this.#stageRows(number, source, id, onBytes)
      if (state === 'known') this.result.known++
      else this.result.imported++
    } catch (error) {
      if (!(error instanceof DamagedSource)) throw error
      await this.#stage.removeLast(number, before)
      this.result.damaged.push({ path: source.path, reason: error.message })
    }
    if (left > 0) await this.#options.onBytes(left)
  }

  async #stageRows(
    number: number,
    source: SourceFile,
    id: string,
    onBytes: ReadingOptions['onBytes'],
  ): Promise<'known' | 'staged'> {
    if (source.kind === 'archive' && this.#has(source.day, id)) return 'known'
    const reading = readSource(source, { ...this.#options, onBytes })
    await this.#stage.begin()
    const days = new Set<string>()
    let line = 0
    let hasKnownRows = false
    for await (const rows of reading.rows) {
      for (const row of rows) {
        line++
        if (this.#has(row.day, id)) {
          hasKnownRows = true
          continue
        }
        days.add(row.day)
        this.#stage.add(number, row, `${id.slice(0, 12)}-${line}`)
      }
    }
    this.result.tooLong += reading.tooLong()
    for (const day of days) {
      const ids = this.#idsByDay.get(day) ?? new Set()
      this.#idsByDay.set(day, ids.add(id))
    }
    return hasKnownRows && days.size === 0 ? 'known' : 'staged'
  }

  /** Whether the rows of the day are there, or staged: the same file may lie in two directories. */
  #has(day: string, id: string): boolean {
    return this.#known.byDay.get(day)?.has(id) === true || this.#idsByDay.get(day)?.has(id) === true
  }
}

async function catalogueFor(
  connection: DuckDBConnection,
  stage: Stage,
  { directory, table, columns: declared }: ImportRequest,
): Promise<Catalogue> {
  const known = await openCatalogue(connection, directory, table)
  const { files } = await listTable(directory, table)
  const isThere = new Set(files.map(({ path }) => path))
  const sampling = new FieldSampling()
  for (const { payload } of await rowsOf(
    connection,
    stage.sampleOf(SAMPLED_ROWS, LARGEST_SAMPLE_BYTES),
  )) {
    if (payload instanceof Uint8Array) sampling.add(payload)
  }
  return {
    ...known,
    columns:
      declared === undefined
        ? mergeColumns(known.columns, sampling.fields())
        : declaredColumns(declared),
    files: keepFacts(known.files, (path) => isThere.has(path)),
  }
}

/** A day that has expired before is read again. */
function keptFrom(catalogue: Catalogue, day: string): Catalogue {
  if (catalogue.keptFrom === undefined || catalogue.keptFrom <= day) return catalogue
  return { ...catalogue, keptFrom: day }
}

/** Eight hexadecimal digits that no other log of the table has. */
function logIdOf(
  table: TableLocation,
  day: string,
  ids: readonly string[],
  taken: ReadonlySet<string>,
): string {
  for (let attempt = 0; ; attempt++) {
    const text = [table, day, attempt, ...ids].join('\n')
    const logId = createHash('sha256').update(text).digest('hex').slice(0, 8)
    if (!taken.has(logId)) return logId
  }
}

async function notJsonIn(connection: DuckDBConnection, source: string): Promise<number> {
  const sql = `SELECT count(*) AS rows FROM ${source}
    WHERE TRY_CAST(TRY(decode(payload)) AS JSON) IS NULL`
  const [row] = await rowsOf(connection, sql)
  return numberIn(row, 'rows')
}
