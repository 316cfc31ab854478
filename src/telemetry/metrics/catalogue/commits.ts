/** Metrics of commits and of damage to what they wrote: a part of the catalogue. */
import type { MetricDeclaration } from './declaration.ts'

export const COMMIT_METRICS = {
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
} as const satisfies Record<string, MetricDeclaration>
