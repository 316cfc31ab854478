/** Metrics of sources, their clients, and the messages that they can’t hand over: a part of the catalogue. */
import { ACKNOWLEDGEMENT_SECONDS } from '../../../durations/duration-counts.ts'
import type { MetricDeclaration } from './declaration.ts'

export const SOURCE_METRICS = {
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
  puback_seconds: {
    type: 'histogram',
    labels: ['source'],
    help: 'Time from reading a QoS 1 message to its PUBACK. Messages of one connection in one commit count with the time of the first of them.',
    buckets: ACKNOWLEDGEMENT_SECONDS,
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
  spans_dropped_total: {
    type: 'counter',
    labels: [],
    help: 'Spans of traces that could not be sent to their receiver.',
  },
} as const satisfies Record<string, MetricDeclaration>
