/**
 * All metrics, each declared once. `docs/metrics.md` is generated from this table; a test keeps the
 * table, the page and the registry in step.
 *
 * Names get the prefix `iot_analytics_connector_`, except for the three that every Prometheus client
 * has for its process. The unit is in the name. Labels are bounded: never a topic, never an id.
 */

import { DATASET_METRICS } from './dataset-metrics.ts'
import { UPLOAD_METRICS } from './upload-metrics.ts'

export const METRIC_PREFIX = 'iot_analytics_connector_'

export interface MetricDeclaration {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
  readonly buckets?: readonly number[]
}

/** Counted as events happen. A counter's name without `_total` is the `event` of its log lines. */
export const EVENT_METRICS = {
  drops_total: {
    type: 'counter',
    labels: ['channel', 'code'],
    help: 'Messages refused or dropped since the process started. channel is empty if the message named none or an impossible one.',
  },
  withheld_total: {
    type: 'counter',
    labels: ['source', 'code'],
    help: 'Messages that could not be stored on arrival and were not acknowledged, so their senders keep them. Not counted as received.',
  },
  commit_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Duration of commits. A commit is one write and sync for all channels with staged messages.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
  },
  commit_messages_total: { type: 'counter', labels: [], help: 'Messages committed.' },
  commit_bytes_total: { type: 'counter', labels: [], help: 'Bytes committed.' },
  storage_failures_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Commits that failed to reach the disk.',
  },
  storage_recoveries_total: {
    type: 'counter',
    labels: [],
    help: 'Recoveries of storage after a failure.',
  },
  damage_found_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Damaged places found in logs and set aside.',
  },
  tails_cut_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Unfinished writes found at the end of a log on start and cut off. Normal after a crash.',
  },
  tail_cut_bytes_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Bytes of unfinished writes that were cut off.',
  },
  batch_seconds: {
    type: 'histogram',
    labels: ['destination'],
    help: 'Time a destination took to answer a batch.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  batches_sent_total: {
    type: 'counter',
    labels: ['channel', 'destination'],
    help: 'Batches that a destination answered.',
  },
  batch_messages_total: {
    type: 'counter',
    labels: ['channel', 'destination'],
    help: 'Messages in the batches that a destination answered.',
  },
  batches_retried_total: {
    type: 'counter',
    labels: ['channel', 'destination', 'code'],
    help: 'Batches that failed as a whole and will be sent again.',
  },
  rejections_total: {
    type: 'counter',
    labels: ['channel', 'destination', 'code'],
    help: 'Messages that a destination rejected permanently, by the destination’s own error code.',
  },
  dead_letters_lost_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Dead letters given up because of deadLetters.maxMessages or maxBytes, or not kept for lack of room, since the process started. channel is empty for names that are no channels.',
  },
  destination_recoveries_total: {
    type: 'counter',
    labels: ['channel', 'destination'],
    help: 'Recoveries of a destination after a failure.',
  },
  destination_notices_total: {
    type: 'counter',
    labels: ['channel', 'destination', 'code'],
    help: 'Findings of a destination that a person should look at; delivery goes on. code is the kind: TypeConflict (a value that is NULL in a Parquet column, because its type is another one), ObjectDiffers (an object was there already with other bytes), SpoolRoom (at the start the disk had less room than spoolBytes) or CommitsLost (a database lacks messages that it had stored, after a failover for example).',
  },
  spool_bytes: {
    type: 'gauge',
    labels: ['destination'],
    help: 'Bytes of the files that a destination collects large batches in. They are not part of storage_bytes.',
  },
  clients: { type: 'gauge', labels: ['source'], help: 'Clients connected now.' },
  clients_connected_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Clients that connected.',
  },
  clients_disconnected_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Clients whose connection ended.',
  },
  clients_sent_away_total: {
    type: 'counter',
    labels: ['source', 'code'],
    help: 'Clients disconnected without an acknowledgement because their messages could not be stored. They send them again.',
  },
  clients_refused_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Clients refused or disconnected because of what they sent or did.',
  },
  source_retries_total: {
    type: 'counter',
    labels: ['source', 'code'],
    help: 'Failed attempts of a source to reach its peer.',
  },
  source_recoveries_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Recoveries of a source’s connection to its peer after a failure.',
  },
  insecure_settings_total: {
    type: 'counter',
    help: 'Settings that allow more people in than is safe, found when the part started.',
    labels: ['part'],
  },
  file_reloads_total: {
    type: 'counter',
    labels: ['source', 'code'],
    help: 'Reloads of certificates, users and rules. code is empty if the reload succeeded.',
  },
  receipts_dropped_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Receipts that could not be delivered to their subscriber.',
  },
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
  ...UPLOAD_METRICS,
  ...DATASET_METRICS,
} as const satisfies Record<string, MetricDeclaration>

/**
 * Read from the ledger at scrape time. Counters continue across restarts. The label is `channel`.
 */
export const LEDGER_METRICS = {
  messages_received_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages addressed to the channel, including refused ones.',
  },
  messages_delivered_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages that the primary destination accepted. Without destinations: messages stored.',
  },
  messages_rejected_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages that the primary destination rejected permanently.',
  },
  messages_dropped_total: {
    type: 'counter',
    labels: ['channel', 'code'],
    help: 'Messages refused on arrival, dropped because of a limit, impossible to store, or damaged.',
  },
  messages_expired_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages that waited longer than the channel’s maxAge.',
  },
  messages_waiting: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Messages accepted and not yet in a batch.',
  },
  messages_in_flight: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Messages in a batch being sent.',
  },
  log_bytes: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Bytes of the channel’s own files with messages, including history, and of its messages in the journal that are still needed. The same as bytes in the ledger.',
  },
  oldest_waiting_seconds: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Age of the oldest waiting message.',
  },
  reader_delivered_total: {
    type: 'counter',
    labels: ['channel', 'reader'],
    help: 'Messages that this further destination accepted.',
  },
  reader_rejected_total: {
    type: 'counter',
    labels: ['channel', 'reader'],
    help: 'Messages that this further destination rejected permanently.',
  },
  reader_dropped_total: {
    type: 'counter',
    labels: ['channel', 'reader', 'code'],
    help: 'Messages dropped before this further destination received them.',
  },
  reader_expired_total: {
    type: 'counter',
    labels: ['channel', 'reader'],
    help: 'Messages that expired before this further destination received them.',
  },
  reader_waiting: {
    type: 'gauge',
    labels: ['channel', 'reader'],
    help: 'Messages waiting for this further destination.',
  },
  reader_in_flight: {
    type: 'gauge',
    labels: ['channel', 'reader'],
    help: 'Messages in a batch being sent to this further destination.',
  },
} as const satisfies Record<string, MetricDeclaration>

/** About the store as a whole, read at scrape time. */
export const STORE_METRICS = {
  storage_state: {
    type: 'gauge',
    labels: ['state'],
    help: 'Always 1. The label is the state of storage: ok, full, read-only, no-access, io-error or failing.',
  },
  storage_bytes: { type: 'gauge', labels: [], help: 'Bytes in the store.' },
  storage_max_bytes: {
    type: 'gauge',
    labels: [],
    help: 'The limit on the bytes in the store. Absent if messages are kept in memory.',
  },
  storage_history_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Bytes in the store that are kept only for replay.',
  },
  storage_written_bytes_total: {
    type: 'counter',
    labels: [],
    help: 'Bytes written to the disk since the process started.',
  },
  storage_syncs_total: {
    type: 'counter',
    labels: [],
    help: 'Syncs requested from the disk since the process started.',
  },
  write_amplification: {
    type: 'gauge',
    labels: [],
    help: 'Bytes written to the disk per committed byte of payload, topic and id, since the process started.',
  },
  dead_letters: {
    type: 'gauge',
    labels: [],
    help: 'Rejected or refused messages that are kept for inspection and replay.',
  },
  outage_left_seconds: {
    type: 'gauge',
    labels: ['channel'],
    help: 'How long an outage of the destinations may last before the channel loses messages, at the rate of the last five minutes. Absent if no messages arrive.',
  },
} as const satisfies Record<string, MetricDeclaration>

export const PROCESS_METRICS = {
  [`${METRIC_PREFIX}build_info`]: {
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1. The labels are the versions that are running.',
  },
  process_cpu_seconds_total: {
    type: 'counter',
    labels: [],
    help: 'CPU time used, user and system.',
  },
  process_resident_memory_bytes: { type: 'gauge', labels: [], help: 'Resident memory.' },
  process_start_time_seconds: {
    type: 'gauge',
    labels: [],
    help: 'Start time of the process, in seconds since 1970.',
  },
} as const satisfies Record<string, MetricDeclaration>
