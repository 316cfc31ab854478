/**
 * The job `rewrite`: the messages of one file of a datastore pass the pipeline again, and the new file
 * takes the place of the old one at once. Rows of messages that are not asked for, or are not stored
 * any more, stay as they are.
 *
 * A file may have more rows than fit into memory. They are then collected in hidden files first.
 */
import { join } from 'node:path'
import { nodeFileLayer } from '../../../channels/disk/files/node-file-layer.ts'
import type { OffsetRange } from '../../../channels/log/channel-log.ts'
import { ConnectorError } from '../../../errors.ts'
import type { Message } from '../../../message.ts'
import { quotedName, textLiteral } from '../../duckdb/sql-text.ts'
import type { FailedMessage } from '../../pipelines/message-run.ts'
import type { FileFacts } from '../../tables/catalogue.ts'
import { FieldSampling } from '../../tables/field-sampling.ts'
import { fileSum } from '../../tables/file-sum.ts'
import { driftedIn } from '../../tables/jobs/convert.ts'
import { parquetSource, publish, withFile, writeHidden } from '../../tables/jobs/parquet-file.ts'
import { parseTablePath } from '../../tables/table-file.ts'
import { rowColumnsOf, tableDirectory } from '../../tables/table-location.ts'
import { type Derivation, type DerivationResult, tableOf } from './derivation.ts'
import { type DerivationTools, openedCatalogue } from './derive.ts'
import { DerivedRows } from './derived-rows.ts'
import { byActivity } from './failures.ts'
import { type ArrivalWindow, runRange, sampleRows } from './run-range.ts'

/** What the pipeline has made of the file's messages. */
interface Made {
  readonly sampling: FieldSampling
  /** Hidden files, and then what is in memory. */
  readonly parts: string[]
  readonly read: OffsetRange[]
  readonly failed: FailedMessage<Message>[]
  messages: number
  rows: number
  dropped: number
}

/**
 * @param derivation its offsets are within those of the file
 * @param path below the table's directory
 * @throws {ConnectorError} DataDamaged if the file can't be read back as it was written; what the
 *   pipeline throws
 */
export async function rewrite(
  derivation: Derivation,
  path: string,
  tools: DerivationTools,
  window: ArrivalWindow,
): Promise<DerivationResult> {
  const { connection, signal } = tools
  const { directory, connectorId, to } = derivation
  const file = parseTablePath(path)
  if (file === undefined) throw new RangeError(`expected the path of a Parquet file, got ${path}`)
  const table = tableOf(derivation)
  const root = tableDirectory(directory, table)
  const derived = new DerivedRows()
  await derived.register(connection)
  const made = await runAll(derivation, tools, derived, window)
  const { sampling, parts, read, failed } = made
  const catalogue = await openedCatalogue(connection, derivation, sampling)
  const former = { formerCrc32: await expectWhole(join(root, path), catalogue.files.get(path)) }
  const old = parquetSource([join(root, path)])
  const source = `(${[kept(old, read), ...parts].join(' UNION ALL BY NAME ')})`
  const parquet = { directory, table, connectorId, file, columns: catalogue.columns, source }
  const facts = await writeHidden(connection, parquet, { mayBeEmpty: true })
  signal.throwIfAborted()
  for (const range of read) {
    const own = failed.filter(({ input: { offset } }) => offset >= range.from && offset < range.to)
    await tools.keepFailures(range, own)
  }
  if (facts === undefined) throw new RangeError(`expected a file at ${path}`)
  await publish(parquet, withFile(catalogue, file, facts, former))
  await removeParts(root, parts.length)
  return {
    to,
    messages: made.messages,
    rows: made.rows,
    dropped: made.dropped,
    failures: byActivity(derivation, failed),
    gap: 0,
    files: 1,
    bytes: facts.bytes,
    drifted: driftedIn(facts),
  }

  /** The rows of the file whose messages were not read again. */
  function kept(source: string, again: readonly OffsetRange[]): string {
    const columns = rowColumnsOf(table).map(({ name }) => quotedName(name))
    const ranges = again.map(({ from, to: end }) => `("offset" >= ${from} AND "offset" < ${end})`)
    const condition = ranges.length === 0 ? 'true' : `NOT (${ranges.join(' OR ')})`
    return `SELECT ${columns.join(', ')} FROM ${source} WHERE ${condition}`
  }
}

async function runAll(
  derivation: Derivation,
  { connection, pipeline, signal }: DerivationTools,
  derived: DerivedRows,
  window: ArrivalWindow,
): Promise<Made> {
  const { directory, to: end } = derivation
  const root = tableDirectory(directory, tableOf(derivation))
  const made: Made = {
    sampling: new FieldSampling(),
    parts: [],
    read: [],
    failed: [],
    messages: 0,
    rows: 0,
    dropped: 0,
  }
  for (let from = derivation.from; from < end; ) {
    const run = await runRange(connection, { ...derivation, from }, pipeline, { signal, window })
    sampleRows(made.sampling, run.rows)
    for (const range of run.read) addRange(made.read, range)
    made.failed.push(...run.failed)
    made.messages += run.messages
    made.rows += run.rows.length
    made.dropped += run.dropped
    derived.set(run.rows)
    const source = `SELECT * FROM ${derived.source(from, run.to)}`
    if (run.to >= end) {
      made.parts.push(source)
    } else {
      const hidden = join(root, partName(made.parts.length))
      await nodeFileLayer.remove(hidden)
      await connection.run(
        `COPY (${source}) TO ${textLiteral(hidden)} (FORMAT parquet, USE_TMP_FILE false)`,
      )
      made.parts.push(`SELECT * FROM ${parquetSource([hidden])}`)
    }
    from = run.to
  }
  return made
}

/** Its checksum. @throws {ConnectorError} DataDamaged if it is not that of the catalogue */
async function expectWhole(path: string, facts: FileFacts | undefined): Promise<string> {
  const { crc32 } = await fileSum(path)
  if (facts === undefined || crc32 === facts.crc32 || crc32 === facts.formerCrc32) return crc32
  const text = `expected the checksum ${facts.crc32} of ${path}, got ${crc32}: the medium has changed it, so its rows are not copied. Run doctor`
  throw new ConnectorError('DataDamaged', text)
}

function addRange(ranges: OffsetRange[], { from, to }: OffsetRange): void {
  const last = ranges.at(-1)
  if (last?.to === from) ranges.splice(-1, 1, { from: last.from, to })
  else ranges.push({ from, to })
}

async function removeParts(root: string, count: number): Promise<void> {
  for (let index = 0; index < count - 1; index++) {
    await nodeFileLayer.remove(join(root, partName(index)))
  }
}

function partName(index: number): string {
  return `.part-${index}.parquet`
}
