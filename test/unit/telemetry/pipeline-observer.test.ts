import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ACKNOWLEDGEMENT_SECONDS,
  DELIVERY_SECONDS,
  DurationCounts,
} from '../../../src/durations/duration-counts.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { quoted } from '../../../src/shown-text.ts'
import { AnalyticsReports } from '../../../src/telemetry/analytics-reports.ts'
import { createLogger } from '../../../src/telemetry/log/logger.ts'
import { EVENT_METRICS } from '../../../src/telemetry/metrics/catalogue/catalogue.ts'
import { Metrics } from '../../../src/telemetry/metrics/metrics.ts'
import type { LogOptions } from '../../../src/telemetry/options.ts'
import { REPEAT_INTERVAL_MS, TelemetryObserver } from '../../../src/telemetry/pipeline-observer.ts'
import { ManualClock } from '../../support/manual-clock.ts'

function observed(level: LogOptions['level'] = 'info') {
  const lines: Record<string, unknown>[] = []
  const clock = new ManualClock()
  const metrics = new Metrics({ version: '0', ledger: () => [], now: () => clock.now() })
  const logger = createLogger(
    { level, format: 'json' },
    { write: (line) => lines.push(JSON.parse(line)) },
  )
  const observer = new TelemetryObserver({ logger, metrics, clock })
  return { observer, lines, clock, metrics }
}

/** Reports everything there is, once. */
function reportEverything(observer: TelemetryObserver): void {
  const unavailable = new ConnectorError('DestinationUnavailable', 'connection refused')
  observer.messageDropped('pumps', 'QueueFull', 'the queue is full')
  observer.messageWithheld('mqttServer', 'StorageFull', 'no room')
  observer.committed(10, 1000, 2)
  observer.storageFailed('pumps', new ConnectorError('StorageFailed', 'no space left'))
  observer.storageRecovered('pumps')
  observer.damageFound('pumps', 'frame at 4096')
  observer.tailCut('pumps', { bytes: 700, messages: 2, lastMessageAt: undefined })
  const puback = new DurationCounts(ACKNOWLEDGEMENT_SECONDS)
  puback.add(0.004, 10)
  observer.acknowledged('mqttServer', puback)
  observer.batchSent('pumps', 'cloud', 10, 20)
  const ages = new DurationCounts(DELIVERY_SECONDS)
  ages.add(2, 8)
  observer.messagesDelivered('cloud', ages)
  observer.batchRetried('pumps', 'cloud', unavailable, 1000)
  observer.messagesRejected('pumps', 'cloud', 2, 'InvalidRequestException')
  observer.deadLetterLost('pumps', 'no room')
  observer.destinationRecovered('pumps', 'cloud', { awayMs: 61_000, attempts: 9, waiting: 40 })
  observer.destinationNoticed('pumps', 'cloud', { code: 'TypeConflict', count: 3, detail: 'a' })
  observer.spoolGrew('cloud', 4_096)
  observer.clientConnected('mqttServer', 'pump-1')
  observer.clientDisconnected('mqttServer', 'pump-1', 'keep-alive timed out')
  observer.clientSentAway('mqttServer', 'pump-1', 'StorageFull', 'no room')
  observer.clientRefused('mqttServer', '10.0.0.7', 'malformed packet')
  observer.sourceRetried('mqttClient', new ConnectorError('BrokerUnavailable', 'refused'), 500)
  observer.sourceRecovered('mqttClient')
  observer.filesReloaded('mqttServer', undefined)
  observer.settingsInsecure('http', 'no token')
  observer.receiptsDropped('mqttClient', 3)
  observer.spansDropped(5, 'connection refused')
  const converted = { rows: 9, files: 1, bytes: 400, drifted: 0, gapRows: 0, durationMs: 3 }
  observer.rowsConverted('pumps', converted)
  observer.rowsLeftOut('pumps', { from: 7, to: 9 }, new ConnectorError('Unexpected', 'no'))
  observer.conversionFailed('pumps', new ConnectorError('TablesFull', 'no room'), 500)
  observer.tableUploaded('pumps', { bytes: 400, durationMs: 3 })
  observer.uploadFailed('pumps', unavailable, 500)
  observer.uploadsWait('pumps', 2)
  observer.uploadsLost('pumps', 1)
  observer.pipelineLogged('function decode', 'started')
  const failed = { activity: 'decode', lambdaName: 'decode', count: 3, reason: 'no answer' }
  observer.pipelineFailed('warm', failed)
  const run = { messages: 9, rows: 7, dropped: 2, gap: 0, drifted: 0 }
  observer.pipelineRan('warm', { ...run, durationMs: 3, isAgain: false })
  observer.pipelineDelayed('warm', new ConnectorError('TablesFull', 'no room'), 500)
  observer.pipelineWaits('warm', 9)
  observer.datastoreGrew('readings', { files: 1, bytes: 400 })
  observer.tablesGrew('pumps', { files: 1, bytes: 400, waitingRows: -9 })
  observer.contentMade('report', { bytes: 10, durationMs: 5 })
  observer.contentFailed('report', new ConnectorError('InvalidQuery', 'no such column'))
  observer.contentDelivered('report', 'reports')
  observer.deliveryFailed('report', 'reports', new ConnectorError('DeliveryFailed', 'full'), 1_000)
}

test('10,000 messages in steady operation write no line at info', async () => {
  const { observer, lines, metrics } = observed('info')

  for (let n = 0; n < 100; n++) {
    observer.clientConnected('mqttServer', `pump-${n}`)
    observer.committed(100, 10_000, 1.5)
    observer.batchSent('pumps', 'cloud', 100, 12)
    observer.clientDisconnected('mqttServer', `pump-${n}`, 'disconnected')
  }

  assert.deepEqual(lines, [])
  assert.match(await metrics.text(), /commit_messages_total 10000\n/)
})

test('every report is a log line and a metric of the same name', async () => {
  const { observer, lines, metrics } = observed('debug')

  reportEverything(observer)

  const methods = new Set(
    [TelemetryObserver, AnalyticsReports].flatMap(({ prototype }) =>
      Object.getOwnPropertyNames(prototype),
    ),
  )
  const withoutLine = [
    'constructor',
    'close',
    'acknowledged',
    'messagesDelivered',
    'spoolGrew',
    'tablesGrew',
    'uploadsWait',
    'pipelineWaits',
    'datastoreGrew',
    'contentDelivered',
  ]
  const reports = [...methods].filter((name) => !withoutLine.includes(name))
  assert.equal(lines.length, reports.length)
  const text = await metrics.text()
  for (const { event } of lines) {
    assert.ok(`${event}_total` in EVENT_METRICS, String(event))
    const series = new RegExp(`^iot_analytics_connector_${event}_total(\\{.*\\})? [1-9]`, 'm')
    assert.match(text, series)
  }
})

test('a repeated report is logged once, then its count when the interval ends', () => {
  const { observer, lines, clock } = observed()
  const refused = new ConnectorError('DestinationUnavailable', 'connection refused')

  for (let n = 0; n < 1000; n++) observer.batchRetried('pumps', 'cloud', refused, 1000)
  assert.equal(lines.length, 1)
  clock.advance(REPEAT_INTERVAL_MS)

  assert.equal(lines.length, 2)
  assert.equal(lines[0]?.['repeated'], undefined)
  assert.equal(lines[1]?.['repeated'], 999)
  assert.equal(lines[1]?.['error'], 'connection refused')
})

test('a recovery of a destination says how long it was away, after how many attempts, and how many messages wait', () => {
  const { observer, lines } = observed()

  observer.destinationRecovered('pumps', 'cloud', { awayMs: 61_000, attempts: 9, waiting: 40 })

  const [{ awayMs, attempts, waiting } = {}] = lines
  assert.deepEqual([awayMs, attempts, waiting], [61_000, 9, 40])
})

test('a second kind of trouble is not held back by the first', () => {
  const { observer, lines } = observed()

  observer.messageDropped('pumps', 'QueueFull', 'full')
  observer.messageDropped('pumps', 'MessageTooLarge', '200 KB')
  observer.messageDropped('valves', 'QueueFull', 'full')
  observer.messageDropped(undefined, 'InvalidChannelName', 'a b')

  assert.deepEqual(
    lines.map((line) => line['code']),
    ['QueueFull', 'MessageTooLarge', 'QueueFull', 'InvalidChannelName'],
  )
})

test('repeats that are held back are logged when the observer is closed, and no timer is left', () => {
  const { observer, lines, clock } = observed()
  for (let n = 0; n < 3; n++) observer.receiptsDropped('mqttClient', 10)

  observer.close()

  assert.equal(lines.at(-1)?.['repeated'], 2)
  assert.equal(clock.pendingCalls, 0)
})

test('a problem that is over is forgotten after the interval, so that a new one is logged at once', () => {
  const { observer, lines, clock } = observed()
  observer.clientRefused('mqttServer', '10.0.0.7', 'malformed packet')
  clock.advance(REPEAT_INTERVAL_MS)

  observer.clientRefused('mqttServer', '10.0.0.8', 'malformed packet')

  assert.equal(lines.length, 2)
})

test('endless kinds of trouble hold no endless memory, and write a bounded number of lines', () => {
  const { observer, lines, clock } = observed()

  for (let n = 0; n < 3000; n++) {
    const word = n.toString(26).replaceAll(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '')
    observer.clientRefused('mqttServer', '10.0.0.7', `reason ${word}`)
  }
  const atOnce = lines.length
  clock.advance(REPEAT_INTERVAL_MS)

  assert.equal(atOnce, 20)
  assert.equal(lines.length, 21)
  assert.equal(lines[20]?.['msg'], '2,980 similar lines suppressed')
  assert.equal(lines[20]?.['suppressed'], 2980)
  assert.equal(clock.pendingCalls, 0)
})

test('a flood of one kind of lines leaves room for the others', () => {
  const { observer, lines } = observed()
  for (let n = 0; n < 1000; n++) observer.messageDropped(`channel_${n}`, 'ChannelLimit', 'full')

  observer.storageFailed('pumps', new ConnectorError('StorageFailed', 'no space left'))

  assert.equal(lines.length, 21)
  assert.equal(lines[20]?.['event'], 'storage_failures')
})

test('a refusal is one kind of line, whatever text and numbers of a client are in its reason', () => {
  const { observer, lines } = observed()

  for (let n = 0; n < 1000; n++) {
    const filter = `${String.fromCharCode(97 + (n % 26)).repeat(n)}\\"`
    const reason = `topic filter ${quoted(filter)} of ${n} bytes has a wildcard`
    observer.clientRefused('mqttServer', '10.0.0.7', reason)
  }

  assert.equal(lines.length, 1)
})

test('texts of a line are cut', () => {
  const { observer, lines } = observed('debug')

  observer.messageDropped(undefined, 'InvalidTopic', 'x'.repeat(60_000))
  observer.clientConnected('mqttServer', 'x'.repeat(60_000))

  assert.ok(lines.every((line) => JSON.stringify(line).length < 600))
})

test('a refused client is named in its log line, with texts that are cut, and never in a metric', async () => {
  const { observer, lines, metrics } = observed()
  const long = 'x'.repeat(60_000)

  observer.clientRefused('mqttServer', '10.0.0.7:1883', 'bad user name or password', {
    clientId: 'pump-1',
    userName: long,
  })
  observer.clientRefused('mqttServer', '10.0.0.8:1883', 'no CONNECT in time')

  assert.equal(lines[0]?.['clientId'], 'pump-1')
  assert.equal(lines[0]?.['user'], `${'x'.repeat(128)}…`)
  assert.equal('clientId' in (lines[1] ?? {}), false)
  assert.doesNotMatch(await metrics.text(), /pump-1|xxx/)
})
