/**
 * Every metric there is, declared once. `docs/metrics.md` is made from this table; a test holds the
 * two and the registry together.
 *
 * Names get the prefix `iot_analytics_connector_`, but for the three that every Prometheus client
 * has for its process. The unit is in the name. Labels are bounded: never a topic, never an id.
 */
export const METRIC_PREFIX = 'iot_analytics_connector_'

export interface MetricDeclaration {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
  readonly buckets?: readonly number[]
}

/** What the pipeline reports as it happens; a counter's name without `_total` is the `event` of a log line. */
export const EVENT_METRICS = {
  drops_total: {
    type: 'counter',
    labels: ['channel', 'code'],
    help: 'Messages refused or dropped since the process started; channel is empty where none was meant or it cannot exist.',
  },
  withheld_total: {
    type: 'counter',
    labels: ['source', 'code'],
    help: 'Messages that could not be stored when they came and were not acknowledged: their senders keep them. Not counted as received.',
  },
  commit_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Duration of commits: one write and sync of all channels that had something to store.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
  },
  commit_messages_total: { type: 'counter', labels: [], help: 'Messages committed.' },
  commit_bytes_total: { type: 'counter', labels: [], help: 'Bytes committed.' },
  storage_failures_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Commits that could not be made durable.',
  },
  storage_recoveries_total: {
    type: 'counter',
    labels: [],
    help: 'Times that storage worked again after a failure.',
  },
  damage_found_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Places in logs found damaged and set aside.',
  },
  tails_cut_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Writes that never finished, found at the end of a log at start and cut off: normal after a crash, one a channel.',
  },
  tail_cut_bytes_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Bytes of writes that never finished and were cut off.',
  },
  batch_seconds: {
    type: 'histogram',
    labels: ['destination'],
    help: 'Time that a destination took to answer a batch.',
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
    help: 'Messages that a destination refused for good, by its own reason.',
  },
  destination_recoveries_total: {
    type: 'counter',
    labels: ['channel', 'destination'],
    help: 'Times that a destination worked again after a failure.',
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
    help: 'Clients disconnected without acknowledgements because their messages could not be stored; they send them again.',
  },
  clients_refused_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Clients refused or cut off for what they sent or did.',
  },
  source_retries_total: {
    type: 'counter',
    labels: ['source', 'code'],
    help: 'Attempts of a source to reach its peer that failed.',
  },
  source_recoveries_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Times that a source reached its peer again after a failure.',
  },
  file_reloads_total: {
    type: 'counter',
    labels: ['source', 'code'],
    help: 'Times that certificates, users and rules were read again; code is empty where they were taken up.',
  },
  receipts_dropped_total: {
    type: 'counter',
    labels: ['source'],
    help: 'Receipts that could not be handed to their listener.',
  },
} as const satisfies Record<string, MetricDeclaration>

/** Read from the ledger at scrape time; counters go on over restarts. `channel` is the label. */
export const LEDGER_METRICS = {
  messages_received_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages addressed to the channel, refused ones included.',
  },
  messages_delivered_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages that the primary destination accepted; without destinations, messages stored.',
  },
  messages_rejected_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages that the primary destination refused for good.',
  },
  messages_dropped_total: {
    type: 'counter',
    labels: ['channel', 'code'],
    help: 'Messages refused on arrival, dropped at a bound, not storable or damaged.',
  },
  messages_expired_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Messages that waited longer than the channel’s maxAge.',
  },
  messages_waiting: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Messages accepted and in no batch being sent.',
  },
  messages_in_flight: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Messages in a batch being sent.',
  },
  log_bytes: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Bytes that the channel’s log holds, history kept for replay included.',
  },
  oldest_waiting_seconds: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Age of the oldest message waiting.',
  },
  reader_delivered_total: {
    type: 'counter',
    labels: ['channel', 'reader'],
    help: 'Messages that a further destination accepted.',
  },
  reader_rejected_total: {
    type: 'counter',
    labels: ['channel', 'reader'],
    help: 'Messages that a further destination refused for good.',
  },
  reader_dropped_total: {
    type: 'counter',
    labels: ['channel', 'reader', 'code'],
    help: 'Messages dropped before a further destination had them.',
  },
  reader_expired_total: {
    type: 'counter',
    labels: ['channel', 'reader'],
    help: 'Messages that expired before a further destination had them.',
  },
  reader_waiting: {
    type: 'gauge',
    labels: ['channel', 'reader'],
    help: 'Messages waiting for a further destination.',
  },
  reader_in_flight: {
    type: 'gauge',
    labels: ['channel', 'reader'],
    help: 'Messages in a batch being sent to a further destination.',
  },
} as const satisfies Record<string, MetricDeclaration>

/** Of the store as a whole, read at scrape time. */
export const STORE_METRICS = {
  storage_state: {
    type: 'gauge',
    labels: ['state'],
    help: 'Always 1; the label says what state storage is in: ok, full, read-only, no-access, io-error or failing.',
  },
  storage_bytes: { type: 'gauge', labels: [], help: 'Bytes that the store holds.' },
  storage_max_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Bytes that it never exceeds; absent in memory.',
  },
  storage_history_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Bytes of it that are kept only for replay.',
  },
  storage_written_bytes_total: {
    type: 'counter',
    labels: [],
    help: 'Bytes written to the disk since the process started.',
  },
  storage_syncs_total: {
    type: 'counter',
    labels: [],
    help: 'Syncs asked of the disk since the process started.',
  },
  write_amplification: {
    type: 'gauge',
    labels: [],
    help: 'Bytes written to the disk for each byte of payload, topic and id committed, since the process started.',
  },
  dead_letters: {
    type: 'gauge',
    labels: [],
    help: 'Messages refused for good that are kept for a look and a replay.',
  },
  outage_left_seconds: {
    type: 'gauge',
    labels: ['channel'],
    help: 'How long destinations may be away before the channel loses messages, at the rate of the last minutes; absent when nothing comes in.',
  },
} as const satisfies Record<string, MetricDeclaration>

export const PROCESS_METRICS = {
  [`${METRIC_PREFIX}build_info`]: {
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; the labels say what is running.',
  },
  process_cpu_seconds_total: {
    type: 'counter',
    labels: [],
    help: 'CPU time spent, user and system.',
  },
  process_resident_memory_bytes: { type: 'gauge', labels: [], help: 'Resident memory.' },
  process_start_time_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the process started, in seconds since 1970.',
  },
} as const satisfies Record<string, MetricDeclaration>
