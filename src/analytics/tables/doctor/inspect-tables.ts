/**
 * Inspects the Parquet files of a data directory without changing anything. It reads every byte
 * once, and needs no DuckDB.
 */
import { join } from 'node:path'
import { messageOf } from '../../../errors.ts'
import { type Catalogue, EMPTY_CATALOGUE, readCatalogue } from '../catalogue.ts'
import { fileSum } from '../file-sum.ts'
import { CATALOGUE_NAME } from '../table-file.ts'
import { type ListedFile, listTable, type TableListing } from '../table-listing.ts'
import { shownTable, type TableLocation, tableDirectory, tablesIn } from '../table-location.ts'
import { explain, type TableFinding } from './finding.ts'

export interface TableInspection {
  readonly table: TableLocation
  /** Its name in findings. */
  readonly channel: string
  readonly files: number
  readonly bytes: number
  readonly rows: number
  readonly findings: readonly TableFinding[]
}

/** By name, channels first. Empty if there are no tables. */
export async function inspectTables(directory: string): Promise<TableInspection[]> {
  const inspections: TableInspection[] = []
  for (const table of await tablesIn(directory)) {
    inspections.push(
      await inspectTable(directory, table).catch((error: unknown) => notInspected(table, error)),
    )
  }
  return inspections
}

async function inspectTable(directory: string, table: TableLocation): Promise<TableInspection> {
  const channel = shownTable(table)
  const listing = await listTable(directory, table)
  const found = await readCatalogue(directory, table)
  const isDamaged = found === 'damaged'
  const catalogue = found === undefined || found === 'damaged' ? EMPTY_CATALOGUE : found
  const findings = isDamaged
    ? [explain('DamagedCatalogue', channel, { file: CATALOGUE_NAME })]
    : await sumFindings(directory, table, listing.files, catalogue)
  let rows = 0
  let bytes = 0
  for (const file of listing.files) {
    rows += catalogue.files.get(file.path)?.rows ?? 0
    bytes += file.bytes
  }
  const all = [...findings, ...listingFindings(channel, listing)]
  return { table, channel, files: listing.files.length, bytes, rows, findings: all }
}

async function sumFindings(
  directory: string,
  table: TableLocation,
  files: readonly ListedFile[],
  catalogue: Catalogue,
): Promise<TableFinding[]> {
  const findings: TableFinding[] = []
  const channel = shownTable(table)
  for (const { path: file, bytes, first: from, end: to } of files) {
    const facts = catalogue.files.get(file)
    const place = { file, bytes, offsets: { from, to } }
    if (facts === undefined) {
      findings.push(explain('UnlistedTable', channel, place))
      continue
    }
    const { crc32 } = await fileSum(join(tableDirectory(directory, table), file))
    if (crc32 === facts.crc32 || crc32 === facts.formerCrc32) continue
    findings.push(explain('DamagedTable', channel, { ...place, messages: facts.rows }))
  }
  return findings
}

function listingFindings(channel: string, listing: TableListing): TableFinding[] {
  const { files, superseded, hidden, unknown } = listing
  const overlapping = files.filter((file, at) => {
    const before = files[at - 1]
    return before?.logId === file.logId && file.first < before.end
  })
  return [
    ...overlapping.map(({ path: file }) => explain('OverlappingTable', channel, { file })),
    ...superseded.map(({ file: { path, bytes } }) =>
      explain('SupersededTable', channel, { file: path, bytes }),
    ),
    ...hidden.map((file) => explain('LeftOver', channel, { file })),
    ...unknown.map((file) => explain('UnknownFile', channel, { file })),
  ]
}

function notInspected(table: TableLocation, error: unknown): TableInspection {
  const channel = shownTable(table)
  const finding = explain('CannotBeRead', channel, { file: messageOf(error) })
  return { table, channel, files: 0, bytes: 0, rows: 0, findings: [finding] }
}
