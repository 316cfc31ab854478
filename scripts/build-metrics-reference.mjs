// Makes docs/metrics.md from the table in src/telemetry/metric-catalogue.ts.
import { load, page } from './reference-page.mjs'

const catalogue = await load('telemetry/metric-catalogue')

const HEADINGS = ['metric', 'type', 'labels', 'what it tells']

/** A table with its columns aligned, as the formatter leaves it. */
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

\`GET /metrics\` answers in Prometheus’ text format. Labels are bounded: after 1,000 channels or 100
codes further ones are counted together as \`_other\`.

## From the ledger

Read from the ledger at the moment of the scrape. They go on over restarts and add up:
received = delivered + rejected + dropped + expired + waiting + in flight.

${table(catalogue.LEDGER_METRICS, catalogue.METRIC_PREFIX)}

## Of the store

Read at the moment of the scrape.

${table(catalogue.STORE_METRICS, catalogue.METRIC_PREFIX)}

## As it happens

Counted since the process started. A counter’s name without prefix and \`_total\` is the \`event\` of
the log lines about it.

${table(catalogue.EVENT_METRICS, catalogue.METRIC_PREFIX)}

## The process

${table(catalogue.PROCESS_METRICS, '')}
`,
)
