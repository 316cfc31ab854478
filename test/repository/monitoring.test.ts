/** The alerts and the Grafana dashboard in examples/: what they name exists, and the alerts work. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { ERROR_CATALOGUE } from '../../src/errors.ts'
import { SENDERS_FAULTS } from '../../src/operator/verdict.ts'
import { Metrics } from '../../src/telemetry/metrics/metrics.ts'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Panel {
  readonly title: string
  readonly type: string
  readonly description?: string
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } }
}

const root = join(import.meta.dirname, '..', '..', '..')
const prometheus = join(root, 'examples', 'prometheus')
const alerts = readFileSync(join(prometheus, 'alerts.yaml'), 'utf8')
const rules: readonly Rule[] = parse(alerts).groups.flatMap(
  ({ rules }: { readonly rules: readonly Rule[] }) => rules,
)
const dashboard = readFileSync(join(root, 'examples', 'grafana', 'connector.json'), 'utf8')
const panels: readonly Panel[] = JSON.parse(dashboard).panels
const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const page = readFileSync(join(root, 'docs', 'operations.md'), 'utf8')

function promtool(...args: readonly string[]) {
  return spawnSync(commandOf('promtool'), args, { cwd: prometheus, encoding: 'utf8' })
}

/** The series that the connector can have: a histogram has three kinds. */
async function knownSeries(): Promise<Set<string>> {
  const metrics = new Metrics({ version: '0', ledger: () => [], now: () => 0 })
  const declared = await metrics.registry.getMetricsAsJSON()
  return new Set(
    declared.flatMap(({ name, type }) =>
      String(type) === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  )
}

function namedIn(text: string): string[] {
  return [...text.matchAll(/\b(?:iot_analytics_connector|process)_\w+/g)].map(([name]) => name)
}

test('every metric that an alert or the dashboard names is one that the connector has', async () => {
  const known = await knownSeries()
  const named = [alerts, dashboard].flatMap(namedIn)

  assert.ok(named.length > 50)
  assert.deepEqual(
    named.filter((name) => !known.has(name)),
    [],
  )
})

test('every alert has a section in docs/operations.md, and every such section an alert', () => {
  const sections = [...page.matchAll(/^### (Connector\w+)$/gm)].map(([, name]) => name)

  assert.deepEqual(sections.sort(), rules.map(({ alert }) => alert).sort())
  for (const { alert, annotations } of rules) {
    assert.equal(annotations['runbook_url'], `docs/operations.md#${alert.toLowerCase()}`)
  }
})

test('every alert says what happened and how soon somebody has to act', () => {
  for (const { alert, labels, annotations } of rules) {
    assert.match(String(labels['severity']), /^(page|ticket)$/, alert)
    assert.match(String(annotations['summary']), /\{\{ \$labels\.instance \}\}/, alert)
    assert.match(String(annotations['description']), /\.$/, alert)
  }
})

test('messages that their senders must correct count as lost neither for health nor for the alert', () => {
  const lost = rules.find(({ alert }) => alert === 'ConnectorMessagesLost')?.expr ?? ''

  const left = [...`${lost}${dashboard}`.matchAll(/code!~\\?"([\w|]+)\\?"/g)]

  assert.equal(left.length, 3)
  for (const [, codes = ''] of left) assert.deepEqual(codes.split('|'), [...SENDERS_FAULTS])
})

test('promtool accepts the alerts, and each of them fires and stays silent as it should', {
  skip: skipWithout('promtool'),
}, () => {
  const tested = readFileSync(join(prometheus, 'alerts.test.yaml'), 'utf8')

  const check = promtool('check', 'rules', 'alerts.yaml')
  const run = promtool('test', 'rules', 'alerts.test.yaml')

  assert.equal(check.status, 0, check.stdout + check.stderr)
  assert.equal(run.status, 0, run.stdout + run.stderr)
  for (const { alert } of rules) {
    const cases = [...tested.matchAll(new RegExp(`alertname: ${alert}\\n +exp_alerts:(.*)`, 'g'))]
    const isSilent = cases.map(([, expected = '']) => expected.trim() === '[]')
    assert.ok(isSilent.includes(true) && isSilent.includes(false), alert)
  }
})

test('promtool accepts every expression of the dashboard', {
  skip: skipWithout('promtool'),
}, async (t) => {
  const file = join(await temporaryDirectory(t), 'rules.yaml')
  const records = expressions.map((expr, index) => ({
    record: `panel${index}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
  }))
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: records }] }))

  const check = promtool('check', 'rules', file)

  assert.equal(check.status, 0, check.stdout + check.stderr)
})

test('the dashboard works with any data source, instance and scrape interval, in SI units', () => {
  for (const panel of panels.filter(({ type }) => type !== 'row')) {
    assert.equal(panel.datasource?.uid, `\${datasource}`, panel.title)
    assert.match(String(panel.description), /\.$/, panel.title)
    assert.notEqual(panel.fieldConfig?.defaults.unit, 'bytes', 'bytes counts in 1,024')
  }
  for (const expr of expressions) {
    const selectors = namedIn(expr).length
    assert.equal(expr.split('instance=~"$instance"').length - 1, selectors, expr)
    for (const [, range] of expr.matchAll(/\[([^\]]+)\]/g)) {
      assert.ok(range === '$__rate_interval' || range === '1h', expr)
    }
  }
})

test('docs/operations.md says for every error code where to look', () => {
  const table = page.slice(page.indexOf('## Error codes'))
  const named = [...table.matchAll(/`([A-Z]\w+)`/g)].map(([, code]) => code)

  assert.deepEqual(named.sort(), Object.keys(ERROR_CATALOGUE).sort())
})
