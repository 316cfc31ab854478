/** How a metric is declared. */

export const METRIC_PREFIX = 'iot_analytics_connector_'

export interface MetricDeclaration {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
  readonly buckets?: readonly number[]
}
