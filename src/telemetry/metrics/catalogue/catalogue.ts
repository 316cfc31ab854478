/**
 * All metrics are declared once, in a file of this folder for each noun. `docs/metrics.md` is generated from these
 * tables; a test keeps the tables, the page and the registry in step.
 *
 * Names get the prefix `iot_analytics_connector_`, except for the three that every Prometheus client
 * has for its process. The unit is in the name. Labels are bounded: never a topic, never an id.
 */
import { COMMIT_METRICS } from './commits.ts'
import { DATASET_METRICS } from './datasets.ts'
import type { MetricDeclaration } from './declaration.ts'
import { DELIVERY_METRICS } from './delivery.ts'
import { PIPELINE_METRICS } from './pipelines.ts'
import { SOURCE_METRICS } from './sources.ts'
import { TABLE_METRICS } from './tables.ts'
import { UPLOAD_METRICS } from './uploads.ts'

/** Counted as events happen. A counter's name without `_total` is the `event` of its log lines. */
export const EVENT_METRICS = {
  ...SOURCE_METRICS,
  ...COMMIT_METRICS,
  ...DELIVERY_METRICS,
  ...TABLE_METRICS,
  ...PIPELINE_METRICS,
  ...UPLOAD_METRICS,
  ...DATASET_METRICS,
} as const satisfies Record<string, MetricDeclaration>
