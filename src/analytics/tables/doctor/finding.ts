/** What an inspection of the Parquet files can find, and what each finding means. */
import type { FindingPlace, FindingSeverity } from '../../../channels/disk/doctor/finding.ts'

interface FindingEntry {
  readonly severity: FindingSeverity
  readonly explanation: string
}

const TABLE_FINDINGS = {
  DamagedTable: {
    severity: 'loss',
    explanation:
      'A Parquet file does not match its checksum: the medium has changed it. Queries that read it may fail or answer wrongly. Replace it by a copy from a backup, or remove the file; then its rows are missing in queries.',
  },
  UnlistedTable: {
    severity: 'repairable',
    explanation:
      'A Parquet file is not in the catalogue, so its checksum is not known; --repair rebuilds the catalogue from the files.',
  },
  DamagedCatalogue: {
    severity: 'repairable',
    explanation:
      'The catalogue of the Parquet files can’t be parsed, so queries know no columns; the next conversion rebuilds it from the files.',
  },
  SupersededTable: {
    severity: 'note',
    explanation:
      'The rows of the file are in a wider one as well, as after every compaction. It is not read, and a running connector removes it after a quarter of an hour.',
  },
  OverlappingTable: {
    severity: 'loss',
    explanation:
      'The file has rows that the one before it has as well, so queries see them twice. The connector writes no such files: they may come from two copies of the directory. Remove one of them.',
  },
  LeftOver: {
    severity: 'repairable',
    explanation: 'A temporary file was left by a process that ended while writing it.',
  },
  UnknownFile: {
    severity: 'note',
    explanation: 'A file that does not belong to the table; it is left alone.',
  },
  CannotBeRead: {
    severity: 'loss',
    explanation:
      'A file of the table can’t be read, so the table was not inspected; check the disk, and the owner and the attributes of the file.',
  },
} as const satisfies Record<string, FindingEntry>

export type TableFindingKind = keyof typeof TABLE_FINDINGS

export interface TableFinding extends FindingPlace {
  readonly kind: TableFindingKind
  readonly severity: FindingSeverity
  readonly channel: string
  readonly explanation: string
}

export function explain(
  kind: TableFindingKind,
  channel: string,
  place: FindingPlace,
): TableFinding {
  return { kind, ...TABLE_FINDINGS[kind], channel, ...place }
}
