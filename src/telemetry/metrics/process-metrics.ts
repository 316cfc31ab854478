/** Metrics of the process, with the names that all Prometheus clients use. */
import type { Registry } from 'prom-client'
import Counter from 'prom-client/lib/counter.js'
import Gauge from 'prom-client/lib/gauge.js'
import { METRIC_PREFIX } from './catalogue/declaration.ts'
import { PROCESS_METRICS } from './catalogue/process.ts'

export function declareProcessMetrics(registry: Registry, version: string): void {
  const declare = (name: keyof typeof PROCESS_METRICS) => ({
    name,
    help: PROCESS_METRICS[name].help,
    labelNames: [...PROCESS_METRICS[name].labels],
    registers: [registry],
  })
  new Gauge(declare(`${METRIC_PREFIX}build_info`)).set({ version, node: process.versions.node }, 1)
  new Counter({
    ...declare('process_cpu_seconds_total'),
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1_000_000)
    },
  })
  new Gauge({
    ...declare('process_resident_memory_bytes'),
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Gauge(declare('process_start_time_seconds')).set(Date.now() / 1000 - process.uptime())
}
