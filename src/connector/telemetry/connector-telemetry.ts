/** The log, the metrics and the traces of one connector, behind one observer. */
import type { EventEmitter } from 'node:events'
import type { Clock } from '../../clock.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import type { PipelineObserver } from '../../observer.ts'
import { LogFile } from '../../telemetry/log/log-file.ts'
import { createLogger, type LogOutput } from '../../telemetry/log/logger.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import type { TraceOptions } from '../../telemetry/options.ts'
import { TelemetryObserver } from '../../telemetry/pipeline-observer.ts'
import type { SpanExporter } from '../../telemetry/traces/span-exporter.ts'
import { VERSION } from '../../version.ts'
import { type ConnectorEvents, emittingObserver } from '../connector-events.ts'
import { CertificateEnds } from './certificate-ends.ts'

export interface ConnectorTelemetryOptions {
  readonly config: ConnectorConfig
  readonly metrics: Metrics
  readonly events: EventEmitter<ConnectorEvents>
  readonly clock: Clock
  readonly random: () => number
  readonly logOutput: LogOutput | undefined
  readonly traces: TraceOptions | undefined
  readonly onRefused: PipelineObserver['clientRefused']
}

export class ConnectorTelemetry {
  readonly certificates: CertificateEnds
  readonly #options: ConnectorTelemetryOptions
  readonly #reports: TelemetryObserver
  /** Of `log.file`, unless the caller has its own output. */
  readonly #logFile: LogFile | undefined
  readonly #withoutTraces: PipelineObserver
  #observer: PipelineObserver
  #spans: SpanExporter | undefined

  constructor(options: ConnectorTelemetryOptions) {
    const { config, metrics, events, clock, logOutput, onRefused } = options
    const { file } = config.log
    this.#options = options
    this.#logFile = logOutput === undefined && file !== undefined ? new LogFile(file) : undefined
    const logger = createLogger(config.log, logOutput ?? this.#logFile)
    this.#reports = new TelemetryObserver({ logger, metrics, clock })
    this.certificates = new CertificateEnds(config)
    const onReloaded = () => void this.certificates.read()
    this.#withoutTraces = emittingObserver(events, this.#reports, { onReloaded, onRefused })
    this.#observer = this.#withoutTraces
  }

  /** After `open`, with traces if they are wanted. */
  get observer(): PipelineObserver {
    return this.#observer
  }

  /** @throws {ConnectorError} InvalidConfiguration if the log file can't be written */
  async open(): Promise<void> {
    await this.#logFile?.open()
    const { traces, clock, random } = this.#options
    if (traces === undefined || this.#spans !== undefined) return
    const { SpanExporter } = await import('../../telemetry/traces/span-exporter.ts')
    const { tracingObserver } = await import('../../telemetry/traces/tracing-observer.ts')
    const next = this.#withoutTraces
    const spans = new SpanExporter({
      options: traces,
      version: VERSION,
      clock,
      onDropped: (count, reason) => next.spansDropped(count, reason),
    })
    const add = spans.add.bind(spans)
    this.#observer = tracingObserver({ next, clock, random, ratio: traces.ratio, add })
    this.#spans = spans
  }

  /** Another program has moved the log file. */
  reopen(): void {
    this.#logFile?.reopen()
  }

  async close(): Promise<void> {
    await this.#spans?.close()
    this.#spans = undefined
    this.#observer = this.#withoutTraces
    this.#reports.close()
    await this.#logFile?.close()
  }
}
