/**
 * Inspects the Parquet files of a data directory without changing anything. It reads every byte
 * once, and needs no DuckDB.
 */
import { join } from 'node:path'
import { isChannelName } from '../../../channel-name.ts'
import { nodeFileLayer } from '../../../channels/disk/files/node-file-layer.ts'
import { messageOf } from '../../../errors.ts'
import { type Catalogue, EMPTY_CATALOGUE, readCatalogue } from '../catalogue.ts'
import { fileSum } from '../file-sum.ts'
import { CATALOGUE_NAME, TABLES_NAME, tableDirectory } from '../table-file.ts'
import { type ListedFile, listTable, type TableListing } from '../table-listing.ts'
import { explain, type TableFinding } from './finding.ts'

export interface TableInspection {
  readonly channel: string
  readonly files: number
  readonly bytes: number
  readonly rows: number
  readonly findings: readonly TableFinding[]
}

/** By channel. Empty if there are no tables. */
export async function inspectTables(directory: string): Promise<TableInspection[]> {
  const entries = await nodeFileLayer.list(join(directory, TABLES_NAME))
  const names = entries.filter(({ isDirectory, name }) => isDirectory && isChannelName(name))
  const inspections: TableInspection[] = []
  for (const { name } of names.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    inspections.push(
      await inspectTable(directory, name).catch((error: unknown) => notInspected(name, error)),
    )
  }
  return inspections
}

async function inspectTable(directory: string, channel: string): Promise<TableInspection> {
  const listing = await listTable(directory, channel)
  const found = await readCatalogue(directory, channel)
  const isDamaged = found === 'damaged'
  const catalogue = found === undefined || found === 'damaged' ? EMPTY_CATALOGUE : found
  const findings = isDamaged
    ? [explain('DamagedCatalogue', channel, { file: CATALOGUE_NAME })]
    : await sumFindings(directory, channel, listing.files, catalogue)
  let rows = 0
  let bytes = 0
  for (const file of listing.files) {
    rows += catalogue.files.get(file.path)?.rows ?? 0
    bytes += file.bytes
  }
  const all = [...findings, ...listingFindings(channel, listing)]
  return { channel, files: listing.files.length, bytes, rows, findings: all }
}

async function sumFindings(
  directory: string,
  channel: string,
  files: readonly ListedFile[],
  catalogue: Catalogue,
): Promise<TableFinding[]> {
  const findings: TableFinding[] = []
  for (const { path: file, bytes, first: from, end: to } of files) {
    const facts = catalogue.files.get(file)
    const place = { file, bytes, offsets: { from, to } }
    if (facts === undefined) {
      findings.push(explain('UnlistedTable', channel, place))
      continue
    }
    const { crc32 } = await fileSum(join(tableDirectory(directory, channel), file))
    if (crc32 === facts.crc32) continue
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

function notInspected(channel: string, error: unknown): TableInspection {
  const finding = explain('CannotBeRead', channel, { file: messageOf(error) })
  return { channel, files: 0, bytes: 0, rows: 0, findings: [finding] }
}
