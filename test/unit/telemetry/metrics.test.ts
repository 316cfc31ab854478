import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ChannelLedger, StoreLedger } from '../../../src/channels/ledger/ledger.ts'
import { DELIVERY_SECONDS, DurationCounts } from '../../../src/durations/duration-counts.ts'
import { METRIC_PREFIX } from '../../../src/telemetry/metrics/catalogue/declaration.ts'
import { Metrics } from '../../../src/telemetry/metrics/metrics.ts'
import type { PartFigures } from '../../../src/telemetry/metrics/part-figures.ts'

const root = join(import.meta.dirname, '..', '..', '..', '..')
const NOW = Date.UTC(2026, 0, 1)

function ledgerOf(channel: string, figures: Partial<ChannelLedger> = {}): ChannelLedger {
  return {
    channel,
    received: 0,
    delivered: 0,
    rejected: 0,
    dropped: {},
    expired: 0,
    waiting: 0,
    inFlight: 0,
    bytes: 0,
    oldestWaitingAt: undefined,
    readers: {},
    ...figures,
  }
}

function metricsOf(ledger: () => readonly ChannelLedger[]): Metrics {
  return new Metrics({ version: '1.2.3', ledger, now: () => NOW })
}

/** The value of one line of the text format, `name{labels}` without the prefix. */
async function scraped(metrics: Metrics, series: string): Promise<number | undefined> {
  const lines = (await metrics.text()).split('\n')
  const line = lines.find((candidate) => candidate.startsWith(`${METRIC_PREFIX}${series} `))
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1))
}

test('docs/metrics.md is what the table of metrics says', () => {
  const check = spawnSync(
    process.execPath,
    ['scripts/docs/metrics.mjs', '--check', '--from', 'build/src'],
    { cwd: root, encoding: 'utf8' },
  )

  assert.equal(check.stderr, '')
  assert.equal(check.status, 0)
})

test('docs/metrics.md lists the metrics of the registry and nothing else', async () => {
  const declared = await metricsOf(() => []).registry.getMetricsAsJSON()

  const page = readFileSync(join(root, 'docs', 'metrics.md'), 'utf8')

  const listed = [...page.matchAll(/^\| `([a-z_]+)` /gm)].map(([, name]) => name)
  assert.deepEqual(listed.sort(), declared.map(({ name }) => name).sort())
})

test('names carry the prefix and a unit, labels are of the bounded kinds, help is a sentence', async () => {
  const labels = [
    'channel',
    'dataset',
    'destination',
    'code',
    'source',
    'part',
    'pipeline',
    'datastore',
    'state',
    'version',
    'node',
  ]
  const page = readFileSync(join(root, 'docs', 'metrics.md'), 'utf8')

  for (const metric of await metricsOf(() => []).registry.getMetricsAsJSON()) {
    const ofProcess = metric.name.startsWith('process_')
    assert.ok(ofProcess || metric.name.startsWith(METRIC_PREFIX), metric.name)
    if (String(metric.type) === 'counter') assert.match(metric.name, /_total$/)
    assert.match(metric.help, /^[A-Z].*\.$/, metric.name)
  }
  for (const [, cell = ''] of page.matchAll(/^\| `[a-z_]+` +\| \w+ +\| ([^|]*) \|/gm)) {
    for (const [, label = ''] of cell.matchAll(/`(\w+)`/g)) assert.ok(labels.includes(label), label)
  }
})

test('a scrape shows the ledger as it is at that moment', async () => {
  let delivered = 5
  const metrics = metricsOf(() => [
    ledgerOf('pumps', {
      received: 12,
      delivered,
      dropped: { QueueFull: 2 },
      waiting: 4,
      inFlight: 1,
      oldestWaitingAt: NOW - 2500,
      readers: {
        archive: { delivered: 3, rejected: 0, dropped: {}, expired: 0, waiting: 6, inFlight: 0 },
      },
    }),
  ])
  assert.equal(await scraped(metrics, 'messages_delivered_total{channel="pumps"}'), 5)
  assert.equal(await scraped(metrics, 'ledger_difference{channel="pumps"}'), 0)

  delivered = 6

  assert.equal(await scraped(metrics, 'messages_delivered_total{channel="pumps"}'), 6)
  assert.equal(await scraped(metrics, 'messages_received_total{channel="pumps"}'), 12)
  assert.equal(
    await scraped(metrics, 'messages_dropped_total{channel="pumps",code="QueueFull"}'),
    2,
  )
  assert.equal(await scraped(metrics, 'messages_in_flight{channel="pumps"}'), 1)
  assert.equal(await scraped(metrics, 'oldest_waiting_seconds{channel="pumps"}'), 2.5)
  assert.equal(
    await scraped(metrics, 'destination_waiting_messages{channel="pumps",destination="archive"}'),
    6,
  )
  assert.equal(await scraped(metrics, 'ledger_difference{channel="pumps"}'), -1)
})

test('a scrape of many channels leaves turns of the event loop to others, and is one state', async () => {
  let reads = 0
  const metrics = metricsOf(() => {
    reads += 1
    return Array.from({ length: 50 }, (_, n) => ledgerOf(`channel_${n}`, { received: reads }))
  })
  let turns = 0
  let isDone = false
  const count = (): void => {
    turns += 1
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)

  const [text, same] = await Promise.all([metrics.text(), metrics.text()])
  isDone = true

  assert.ok(turns >= 10, `${turns} turns`)
  assert.equal(reads, 1)
  assert.equal(same, text)
  assert.match(text, /messages_received_total\{channel="channel_49"\} 1\n/)
})

test('channels beyond the bound are counted together, however many anybody names', async () => {
  const metrics = metricsOf(() => [])

  for (let n = 0; n < 5000; n++) {
    metrics.add('drops_total', { channel: `channel_${n}`, code: 'QueueFull' })
  }

  const series = (await metrics.text()).split('\n').filter((line) => line.includes('drops_total{'))
  assert.equal(series.length, 1001)
  assert.equal(await scraped(metrics, 'drops_total{channel="_other",code="QueueFull"}'), 4000)
})

test('the store tells its state, what it wrote, and how much that is per byte of message', async () => {
  const store: StoreLedger = {
    state: 'read-only',
    problem: 'it is',
    bytes: 100,
    maxBytes: undefined,
    historyBytes: 10,
    bytesWritten: 300,
    syncs: 4,
    messageBytes: 200,
    deadLetters: 5,
    deadLettersLost: 0,
  }
  const metrics = new Metrics({
    version: '1',
    ledger: () => [],
    store: () => store,
    outage: () => [{ channel: 'c', seconds: 60, bound: 'maxAge' }],
    now: () => NOW,
  })

  assert.equal(await scraped(metrics, 'storage_state{state="read-only"}'), 1)
  assert.equal(await scraped(metrics, 'storage_written_bytes_total'), 300)
  assert.equal(await scraped(metrics, 'storage_syncs_total'), 4)
  assert.equal(await scraped(metrics, 'write_amplification'), 1.5)
  assert.equal(await scraped(metrics, 'dead_letters'), 5)
  assert.equal(await scraped(metrics, 'outage_left_seconds{channel="c"}'), 60)
  assert.equal(await scraped(metrics, 'storage_max_bytes'), undefined, 'unknown is not 0')
})

test('the page stays small, however many channels, codes and long names others invent', async () => {
  const metrics = new Metrics({ version: '0', ledger: () => [], now: () => 0 })
  for (let channel = 0; channel < 2_000; channel++) {
    for (let code = 0; code < 20; code++) {
      metrics.add('drops_total', { channel: `c${channel}`, code: `Code${code}` })
    }
  }
  for (let i = 0; i < 50; i++) {
    metrics.add('drops_total', { channel: '', code: `${i}${'x'.repeat(100_000)}` })
  }
  const text = await metrics.text()

  assert.ok(text.length < 1_000_000, `${text.length} bytes`)
  assert.doesNotMatch(text, /xxxx/)
  assert.match(text, /drops_total\{channel="c0",code="Code0"\} 1\n/)
  assert.match(text, /drops_total\{channel="c999",code="_other"\} 20\n/)
})

test('destinations, sources, memory and certificates are shown, and what is not known is left out', async () => {
  const parts: PartFigures = {
    destinations: [
      {
        name: 'aws',
        state: 'retrying',
        lastSuccessAt: NOW - 5_000,
        oldestWaitingAt: NOW - 2_000,
        publishIntervalMs: 1_000,
      },
      {
        name: 'archive',
        state: 'unopened',
        lastSuccessAt: undefined,
        oldestWaitingAt: undefined,
        publishIntervalMs: 3_600_000,
      },
    ],
    sources: [
      { name: 'mqttServer', isUp: true },
      { name: 'mqttClient', isUp: false },
    ],
    memory: { bytes: 10, maxBytes: 100 },
    certificates: [{ part: 'http.tls', endsAt: NOW }],
  }
  const metrics = new Metrics({
    version: '1',
    ledger: () => [],
    parts: () => parts,
    now: () => NOW,
  })
  const lastSuccess = 'destination_last_success_timestamp_seconds'

  assert.equal(await scraped(metrics, 'destination_state{destination="aws",state="retrying"}'), 1)
  assert.equal(await scraped(metrics, `${lastSuccess}{destination="aws"}`), NOW / 1000 - 5)
  assert.equal(await scraped(metrics, `${lastSuccess}{destination="archive"}`), undefined)
  assert.equal(await scraped(metrics, 'destination_oldest_waiting_seconds{destination="aws"}'), 2)
  assert.equal(
    await scraped(metrics, 'destination_publish_interval_seconds{destination="archive"}'),
    3600,
  )
  assert.equal(await scraped(metrics, 'source_up{source="mqttServer"}'), 1)
  assert.equal(await scraped(metrics, 'source_up{source="mqttClient"}'), 0)
  assert.equal(await scraped(metrics, 'memory_bytes'), 10)
  assert.equal(await scraped(metrics, 'memory_max_bytes'), 100)
  const end = await scraped(metrics, 'certificate_end_timestamp_seconds{part="http.tls"}')
  assert.equal(end, NOW / 1000)
})

test('durations that were counted elsewhere are cumulative buckets, and add up over batches', async () => {
  const metrics = metricsOf(() => [])
  const ages = new DurationCounts(DELIVERY_SECONDS)
  ages.add(0.02, 3)
  ages.add(0.5)
  ages.add(100_000)
  ages.add(-5)

  metrics.addCounted('end_to_end_seconds', { destination: 'aws' }, ages)
  metrics.addCounted('end_to_end_seconds', { destination: 'aws' }, ages)

  const bucket = (le: string) =>
    scraped(metrics, `end_to_end_seconds_bucket{le="${le}",destination="aws"}`)
  assert.equal(await bucket('0.01'), 2, 'a clock that was set back counts as no time')
  assert.equal(await bucket('0.025'), 8)
  assert.equal(await bucket('0.5'), 10)
  assert.equal(await bucket('86400'), 10)
  assert.equal(await bucket('+Inf'), 12)
  assert.equal(await scraped(metrics, 'end_to_end_seconds_count{destination="aws"}'), 12)
  const sum = await scraped(metrics, 'end_to_end_seconds_sum{destination="aws"}')
  assert.ok(Math.abs((sum ?? 0) - 200_001.12) < 1e-6, String(sum))
})
