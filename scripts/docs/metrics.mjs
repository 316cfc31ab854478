// Generates docs/metrics.md from the tables in src/telemetry/metrics/catalogue/.
import { load, page } from './reference-page.mjs'

const catalogue = {
  ...(await load('telemetry/metrics/catalogue/catalogue')),
  ...(await load('telemetry/metrics/catalogue/declaration')),
  ...(await load('telemetry/metrics/catalogue/ledger')),
  ...(await load('telemetry/metrics/catalogue/parts')),
  ...(await load('telemetry/metrics/catalogue/process')),
  ...(await load('telemetry/metrics/catalogue/store')),
}

const HEADINGS = ['metric', 'type', 'labels', 'meaning']

/** A table with aligned columns. */
function table(metrics, prefix) {
  const rows = Object.entries(metrics).map(([name, { type, labels, help }]) => [
    `\`${prefix}${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ])
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column].length)),
  )
  const line = (cells) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  const rule = line(widths.map((width) => '-'.repeat(width)))
  return [line(HEADINGS), rule, ...rows.map(line)].join('\n')
}

page(
  'docs/metrics.md',
  `# Metrics

\`GET /metrics\` returns the metrics in the Prometheus text format. Labels are bounded: after 1,000
channels or 100 codes, all further ones are counted together as \`_other\`.

## From the ledger

Read from the ledger at scrape time. These metrics continue across restarts, and they add up:
received = delivered + rejected + dropped + expired + waiting + in flight.

${table(catalogue.LEDGER_METRICS, catalogue.METRIC_PREFIX)}

## About the store

Read at scrape time.

${table(catalogue.STORE_METRICS, catalogue.METRIC_PREFIX)}

## Destinations, sources, memory and certificates

Read at scrape time.

${table(catalogue.PART_METRICS, catalogue.METRIC_PREFIX)}

## Events

Counted since the process started. A counter’s name without the prefix and \`_total\` is the \`event\`
of its log lines.

${table(catalogue.EVENT_METRICS, catalogue.METRIC_PREFIX)}

## About the process

${table(catalogue.PROCESS_METRICS, '')}
`,
)
