/** Types of the files of prom-client that `metrics.ts` imports; it says why. */
declare module 'prom-client/lib/registry.js' {
  import { Registry } from 'prom-client'
  export = Registry
}
declare module 'prom-client/lib/counter.js' {
  import { Counter } from 'prom-client'
  export = Counter
}
declare module 'prom-client/lib/gauge.js' {
  import { Gauge } from 'prom-client'
  export = Gauge
}
declare module 'prom-client/lib/histogram.js' {
  import { Histogram as PublicHistogram } from 'prom-client'

  class Histogram extends PublicHistogram {
    /** What is shown, by series. */
    hashMap: Record<
      string,
      {
        labels: Record<string, string>
        /** By upper bound; not cumulative. */
        bucketValues: Record<number, number>
        sum: number
        count: number
      }
    >
  }
  export = Histogram
}
