/** Metrics of pipelines and datastores: a part of the catalogue. */
import type { MetricDeclaration } from './declaration.ts'

export const PIPELINE_METRICS = {
  pipeline_log_lines_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Lines that functions of pipelines wrote to standard error, and problems of files of things.',
  },
  pipeline_messages_total: {
    type: 'counter',
    labels: ['pipeline'],
    help: 'Messages that the pipeline was run on, also again.',
  },
  pipeline_rows_total: {
    type: 'counter',
    labels: ['pipeline'],
    help: 'Rows that the pipeline has put into its datastore, also again.',
  },
  pipeline_dropped_total: {
    type: 'counter',
    labels: ['pipeline'],
    help: 'Messages that the pipeline did not store: a filter left them out, nothing was left of them, or they are no JSON.',
  },
  pipeline_drift_total: {
    type: 'counter',
    labels: ['pipeline'],
    help: 'Values that are NULL in their column of the datastore because they are of another type. The payload has them.',
  },
  pipeline_gap_total: {
    type: 'counter',
    labels: ['pipeline'],
    help: 'Messages that had been removed, or could not be read, before the pipeline came to them.',
  },
  pipeline_delays_total: {
    type: 'counter',
    labels: ['pipeline', 'code'],
    help: 'Runs of the pipeline that failed and are tried again.',
  },
  pipeline_waiting_messages: {
    type: 'gauge',
    labels: ['pipeline'],
    help: 'Committed messages that the pipeline has not processed yet.',
  },
  datastore_files: {
    type: 'gauge',
    labels: ['datastore'],
    help: 'Parquet files of the datastore that are read.',
  },
  datastore_bytes: {
    type: 'gauge',
    labels: ['datastore'],
    help: 'Bytes of those files. They are not part of storage_bytes.',
  },
  pipeline_failures_total: {
    type: 'counter',
    labels: ['pipeline'],
    help: 'Messages that an activity of the pipeline could not process. They are kept.',
  },
} as const satisfies Record<string, MetricDeclaration>
