/** Metrics of destinations, sources, memory and certificates, read at scrape time. */
import type { MetricDeclaration } from './declaration.ts'

export const PART_METRICS = {
  destination_state: {
    type: 'gauge',
    labels: ['destination', 'state'],
    help: 'Always 1. The label is the state of the destination: working, retrying (at least one channel waits for its next attempt) or unopened.',
  },
  destination_last_success_timestamp_seconds: {
    type: 'gauge',
    labels: ['destination'],
    help: 'When the destination accepted a message last, in seconds since 1970. Absent if it has not since the process started.',
  },
  destination_oldest_waiting_seconds: {
    type: 'gauge',
    labels: ['destination'],
    help: 'Age of the oldest message that waits for the destination. Absent if none waits.',
  },
  destination_publish_interval_seconds: {
    type: 'gauge',
    labels: ['destination'],
    help: 'How long the destination lets messages wait for a full batch.',
  },
  source_up: {
    type: 'gauge',
    labels: ['source'],
    help: 'Whether messages can come in, 1 or 0: the source listens, or is connected to its broker and has subscribed.',
  },
  memory_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Bytes that messages hold in memory.',
  },
  memory_max_bytes: {
    type: 'gauge',
    labels: [],
    help: 'The limit on them: MemorySize.',
  },
  certificate_end_timestamp_seconds: {
    type: 'gauge',
    labels: ['part'],
    help: 'When the certificate of a server of the connector ends, in seconds since 1970. part is the section of the configuration: sources.mqttServer.tls or http.tls.',
  },
} as const satisfies Record<string, MetricDeclaration>
