/** Metrics that are read from the ledger at scrape time: a part of the catalogue. Counters continue across restarts. */
import type { MetricDeclaration } from './declaration.ts'

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
  ledger_difference: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Received messages less delivered, rejected, dropped, expired, waiting and in-flight ones. Always 0: anything else is a defect of the connector.',
  },
  oldest_waiting_seconds: {
    type: 'gauge',
    labels: ['channel'],
    help: 'Age of the oldest waiting message.',
  },
  destination_delivered_total: {
    type: 'counter',
    labels: ['channel', 'destination'],
    help: 'Messages that this further destination accepted.',
  },
  destination_rejected_total: {
    type: 'counter',
    labels: ['channel', 'destination'],
    help: 'Messages that this further destination rejected permanently.',
  },
  destination_dropped_total: {
    type: 'counter',
    labels: ['channel', 'destination', 'code'],
    help: 'Messages dropped before this further destination received them.',
  },
  destination_expired_total: {
    type: 'counter',
    labels: ['channel', 'destination'],
    help: 'Messages that expired before this further destination received them.',
  },
  destination_waiting_messages: {
    type: 'gauge',
    labels: ['channel', 'destination'],
    help: 'Messages waiting for this further destination.',
  },
  destination_in_flight_messages: {
    type: 'gauge',
    labels: ['channel', 'destination'],
    help: 'Messages in a batch being sent to this further destination.',
  },
} as const satisfies Record<string, MetricDeclaration>
