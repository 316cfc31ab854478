/** Metrics of Parquet files: a part of the catalogue. */
import type { MetricDeclaration } from './declaration.ts'

export const TABLE_METRICS = {
  table_rows_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages that were converted to rows of Parquet files.',
  },
  table_gap_rows_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages that are in no Parquet file because they had been removed when it was their turn, or could not be read or converted.',
  },
  table_rows_left_out_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages that could not be converted while later ones could. table_gap_rows_total counts them too.',
  },
  table_drift_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Values that are NULL in their column because they are of another type. The payload has them.',
  },
  table_failures_total: {
    type: 'counter',
    labels: ['channel', 'code'],
    help: 'Conversions and compactions of Parquet files that failed and are tried again.',
  },
  table_files: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Parquet files of the channel that are read.',
  },
  table_bytes: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Bytes of those files. They are not part of storage_bytes.',
  },
  table_waiting_rows: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Committed messages that are in no Parquet file yet.',
  },
} as const satisfies Record<string, MetricDeclaration>
