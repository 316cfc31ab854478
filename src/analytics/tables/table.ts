/** A table as a reader needs it: which files to read, and with which columns. */
import { type Catalogue, EMPTY_CATALOGUE, readCatalogue } from './catalogue.ts'
import { type ListedFile, listTable } from './table-listing.ts'
import type { TableLocation } from './table-location.ts'

export interface Table {
  readonly catalogue: Catalogue
  /** Files of days that have not expired; each row is in one of them. By log, then by offset. */
  readonly files: readonly ListedFile[]
}

/**
 * The table without files is empty. A damaged catalogue has no columns; the converter rebuilds it.
 * @throws a system error if files can't be read
 */
export async function readTable(directory: string, table: TableLocation): Promise<Table> {
  const found = await readCatalogue(directory, table)
  const catalogue = found === undefined || found === 'damaged' ? EMPTY_CATALOGUE : found
  const { files } = await listTable(directory, table)
  const { keptFrom = '' } = catalogue
  return { catalogue, files: files.filter(({ day }) => day >= keptFrom) }
}
