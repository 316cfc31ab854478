/** Metrics about Parquet files that are uploaded; part of the catalogue. */

export const UPLOAD_METRICS = {
  table_uploads_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Parquet files of the channel that were uploaded.',
  },
  table_upload_bytes_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Bytes of those files.',
  },
  table_upload_failures_total: {
    type: 'counter',
    labels: ['channel', 'code'],
    help: 'Uploads of Parquet files that failed and are tried again.',
  },
  table_uploads_lost_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Parquet files that were removed before they were uploaded, because of analytics.tables.maxBytes.',
  },
  table_waiting_uploads: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Parquet files that wait for their upload.',
  },
} as const
