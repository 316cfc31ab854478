/** Metrics of the process, with the names that all Prometheus clients use: a part of the catalogue. */
import { METRIC_PREFIX, type MetricDeclaration } from './declaration.ts'

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
