/** Metrics of the store as a whole, read at scrape time: a part of the catalogue. */
import type { MetricDeclaration } from './declaration.ts'

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
