/**
 * The metrics of `catalogue/` in a Prometheus registry of their own.
 *
 * Figures per message are not counted here but read from the ledger at each scrape. So they cost
 * nothing between scrapes, survive restarts and never disagree with the ledger.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { HistogramConfiguration } from 'prom-client'
// The index of prom-client also loads cluster support, a push gateway and its default metrics,
// which
// measure from the moment they are loaded. These paths are not part of its public interface, so
// package.json has its exact version.
import Counter from 'prom-client/lib/counter.js'
import Gauge from 'prom-client/lib/gauge.js'
import Histogram from 'prom-client/lib/histogram.js'
import Registry from 'prom-client/lib/registry.js'
import type { ChannelLedger, OutageLeft, StoreLedger } from '../../channels/ledger/ledger.ts'
import { DurationCounts } from '../../durations/duration-counts.ts'
import type { CountedDurations } from '../../observer.ts'
import { BoundedLabel, BoundedPairs, OTHER } from './bounded-label.ts'
import { EVENT_METRICS } from './catalogue/catalogue.ts'
import { METRIC_PREFIX, type MetricDeclaration } from './catalogue/declaration.ts'
import { LEDGER_METRICS } from './catalogue/ledger.ts'
import { PART_METRICS } from './catalogue/parts.ts'
import { STORE_METRICS } from './catalogue/store.ts'
import { type Labels, LEDGER_FIGURES } from './ledger-figures.ts'
import { NO_PARTS, PART_FIGURES, type PartFigures } from './part-figures.ts'
import { declareProcessMetrics } from './process-metrics.ts'
import { STORE_FIGURES } from './store-figures.ts'

type EventMetric = keyof typeof EVENT_METRICS
type OfType<Type extends MetricDeclaration['type']> = {
  [Name in EventMetric]: (typeof EVENT_METRICS)[Name]['type'] extends Type ? Name : never
}[EventMetric]
type LabelsOf<Name extends EventMetric> = Readonly<
  Record<(typeof EVENT_METRICS)[Name]['labels'][number], string>
>

export interface MetricSources {
  readonly version: string
  /**
   * The ledger as it is now; empty before the start. All metrics of a scrape see the same state.
   */
  readonly ledger: () => readonly ChannelLedger[]
  /** The store's figures; undefined before the start. */
  readonly store?: () => StoreLedger | undefined
  readonly outage?: () => readonly OutageLeft[]
  /** Destinations, sources, memory and certificates; undefined before the start. */
  readonly parts?: () => PartFigures | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

interface ScrapedState {
  readonly ledger: readonly ChannelLedger[]
  readonly store: StoreLedger | undefined
  readonly outage: readonly OutageLeft[]
  readonly parts: PartFigures
  readonly at: number
}

interface CountedSeries {
  readonly labels: Labels
  readonly counts: DurationCounts
}

/** The maximum number of values of a label; further ones share `_other`. */
const MAX_CHANNELS = 1000
const MAX_CODES = 100
const MAX_PIPELINES = 200
/** Series of one metric; without a bound, channels times codes would be 100,000. */
const MAX_PAIRS = 2000

export class Metrics {
  readonly registry = new Registry()
  readonly #channels = new BoundedLabel(MAX_CHANNELS)
  readonly #codes = new BoundedLabel(MAX_CODES)
  readonly #pipelines = new BoundedLabel(MAX_PIPELINES)
  readonly #pairs = new BoundedPairs(MAX_PAIRS)
  readonly #counters = new Map<string, Counter>()
  readonly #gauges = new Map<string, Gauge>()
  readonly #histograms = new Map<string, Histogram>()
  /** By metric and then by series: durations that were counted elsewhere. */
  readonly #counted = new Map<string, Map<string, CountedSeries>>()

  readonly #sources: MetricSources
  /** What all metrics of the scrape that is being made see. */
  #state: ScrapedState | undefined
  #scrape: Promise<string> | undefined

  constructor(sources: MetricSources) {
    this.#sources = sources
    for (const [name, declaration] of Object.entries(EVENT_METRICS)) this.#event(name, declaration)
    for (const [name, declaration] of Object.entries(LEDGER_METRICS)) {
      this.#ledger(name, declaration)
    }
    for (const [name, declaration] of Object.entries(STORE_METRICS)) {
      this.#store(name, declaration)
    }
    for (const [name, declaration] of Object.entries(PART_METRICS)) this.#parts(name, declaration)
    declareProcessMetrics(this.registry, sources.version)
  }

  get contentType(): string {
    return this.registry.contentType
  }

  /**
   * Everything in Prometheus' text format. The text is made one metric in a turn of the event loop:
   * with a thousand channels, all of it takes a fifth of a second. Calls meanwhile get the same text.
   */
  text(): Promise<string> {
    this.#scrape ??= this.#allMetrics().finally(() => {
      this.#scrape = undefined
    })
    return this.#scrape
  }

  async #allMetrics(): Promise<string> {
    this.#state = stateOf(this.#sources)
    const texts: string[] = []
    try {
      for (const { name } of this.registry.getMetricsAsArray()) {
        texts.push(await this.registry.getSingleMetricAsString(name))
        await nextTurn()
      }
    } finally {
      this.#state = undefined
    }
    return `${texts.join('\n\n')}\n`
  }

  add<Name extends OfType<'counter'>>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    this.#counters.get(name)?.inc(this.#bounded(labels), by)
  }

  /** Moves a gauge by `by`, which may be negative. */
  move<Name extends OfType<'gauge'>>(name: Name, labels: LabelsOf<Name>, by: number): void {
    this.#gauges.get(name)?.inc(this.#bounded(labels), by)
  }

  observe<Name extends OfType<'histogram'>>(
    name: Name,
    labels: LabelsOf<Name>,
    value: number,
  ): void {
    this.#histograms.get(name)?.observe(this.#bounded(labels), value)
  }

  /** Adds durations that were counted in the metric's buckets. */
  addCounted<Name extends OfType<'histogram'>>(
    name: Name,
    labels: LabelsOf<Name>,
    counts: CountedDurations,
  ): void {
    const all = this.#counted.get(name)
    const key = Object.values<string>(labels).join()
    let series = all?.get(key)
    if (series === undefined) {
      series = { labels, counts: new DurationCounts(counts.bounds) }
      all?.set(key, series)
    }
    series.counts.addAll(counts)
  }

  /** Clients name channels and pipelines, and destinations name codes: all are bounded. */
  #bounded(labels: Labels): Labels {
    const { channel: given, code: givenCode, pipeline } = labels
    if ((given ?? givenCode ?? pipeline) === undefined) return labels
    const bounded: Record<string, string> = { ...labels }
    if (pipeline !== undefined) bounded['pipeline'] = this.#pipelines.of(pipeline)
    if (labels.channel !== undefined) bounded['channel'] = this.#channels.of(labels.channel)
    if (labels.code === undefined) return bounded
    const code = this.#codes.of(labels.code)
    const { channel } = bounded
    bounded['code'] = channel === undefined || this.#pairs.has(channel, code) ? code : OTHER
    return bounded
  }

  #event(name: string, { type, help, labels, buckets }: MetricDeclaration): void {
    const options = {
      name: `${METRIC_PREFIX}${name}`,
      help,
      labelNames: [...labels],
      registers: [this.registry],
    }
    if (type === 'counter') this.#counters.set(name, new Counter(options))
    else if (type === 'gauge') this.#gauges.set(name, new Gauge(options))
    else this.#histogram(name, { ...options, buckets: [...(buckets ?? [])] })
  }

  #histogram(name: string, options: HistogramConfiguration<string>): void {
    const counted = new Map<string, CountedSeries>()
    this.#counted.set(name, counted)
    const histogram = new Histogram({
      ...options,
      collect() {
        for (const { labels, counts } of counted.values()) showCounts(histogram, labels, counts)
      },
    })
    this.#histograms.set(name, histogram)
  }

  #parts(name: string, declaration: MetricDeclaration): void {
    this.#readAtScrape(name, declaration, (tell) => {
      const { parts, at } = this.#state ?? stateOf(this.#sources)
      PART_FIGURES[name]?.(parts, at, tell)
    })
  }

  #store(name: string, declaration: MetricDeclaration): void {
    this.#readAtScrape(name, declaration, (tell) => {
      const { store, outage } = this.#state ?? stateOf(this.#sources)
      if (store !== undefined) STORE_FIGURES[name]?.(store, outage, tell)
    })
  }

  #ledger(name: string, declaration: MetricDeclaration): void {
    const figures = LEDGER_FIGURES[name]
    this.#readAtScrape(name, declaration, (tell) => {
      const { ledger, at } = this.#state ?? stateOf(this.#sources)
      for (const channel of ledger) figures?.(channel, at, tell)
    })
  }

  #readAtScrape(
    name: string,
    { type, help, labels }: MetricDeclaration,
    read: (tell: (labels: Labels, value: number) => void) => void,
  ): void {
    const bounded = (values: Labels): Labels => this.#bounded(values)
    const Metric = type === 'counter' ? Counter : Gauge
    new Metric({
      name: `${METRIC_PREFIX}${name}`,
      help,
      labelNames: [...labels],
      registers: [this.registry],
      collect() {
        this.reset()
        // Without labels a reset leaves a 0, which would be wrong.
        if (labels.length === 0) this.remove({})
        read((values, value) => this.inc(bounded(values), value))
      },
    })
  }
}

function stateOf({ ledger, store, outage, parts, now }: MetricSources): ScrapedState {
  return {
    ledger: ledger(),
    store: store?.(),
    outage: outage?.() ?? [],
    parts: parts?.() ?? NO_PARTS,
    at: now(),
  }
}

/** prom-client observes one value at a time, so a series is put in its place. */
function showCounts(histogram: Histogram, labels: Labels, counts: DurationCounts): void {
  const { bounds, total, sumSeconds } = counts
  const bucketValues = bounds.map((bound, i): [number, number] => [bound, counts.counts[i] ?? 0])
  histogram.hashMap[Object.values(labels).join()] = {
    labels: { ...labels },
    bucketValues: Object.fromEntries(bucketValues),
    sum: sumSeconds,
    count: total,
  }
}
