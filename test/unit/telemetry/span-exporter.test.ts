import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Span } from '../../../src/telemetry/traces/span.ts'
import { SpanExporter } from '../../../src/telemetry/traces/span-exporter.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { TraceReceiver } from '../../support/servers/trace-receiver.ts'
import { until } from '../../support/until.ts'

const SPAN: Span = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  name: 'commit',
  isRequest: false,
  startMs: 1_700_000_000_000.25,
  endMs: 1_700_000_000_001,
  attributes: { count: 3 },
}

async function opened(t: TestContext) {
  const receiver = await TraceReceiver.start(t)
  const clock = new ManualClock()
  const dropped: { spans: number; reason: string }[] = []
  const exporter = new SpanExporter({
    options: {
      url: `${receiver.url}/v1/traces`,
      headers: { 'api-key': 'k' },
      resource: { 'service.name': 'line-1' },
      ratio: 1,
    },
    version: '1.2.3',
    clock,
    onDropped: (spans, reason) => void dropped.push({ spans, reason }),
  })
  return { receiver, clock, exporter, dropped }
}

test('spans are sent together after some seconds, with exact times', async (t) => {
  const { receiver, clock, exporter } = await opened(t)

  exporter.add(SPAN, { ...SPAN, error: 'refused' })
  const before = receiver.spans.length
  clock.advance(5_000)
  await until('the spans are there', () => receiver.spans.length === 2)
  await exporter.close()

  assert.equal(before, 0)
  assert.equal(receiver.paths.join(), '/v1/traces')
  assert.equal(receiver.headers[0]?.['api-key'], 'k')
  assert.equal(receiver.resource['service.name'], 'line-1')
  const [first, second] = receiver.spans
  assert.equal(first?.startTimeUnixNano, '1700000000000250000')
  assert.equal(first?.endTimeUnixNano, '1700000000001000000')
  assert.deepEqual(first?.attributes, [{ key: 'count', value: { intValue: '3' } }])
  assert.deepEqual(second?.status, { code: 2, message: 'refused' })
})

test('spans that the receiver refuses, or that find no room, are counted with the reason', async (t) => {
  const { receiver, clock, exporter, dropped } = await opened(t)
  receiver.status = 503

  for (let n = 0; n < 2_050; n += 1) exporter.add(SPAN)
  clock.advance(5_000)
  await until('all are dropped', () => dropped.length === 5)
  await exporter.close()

  assert.deepEqual(dropped[0], { spans: 2, reason: 'more came than could be sent' })
  assert.match(String(dropped[1]?.reason), /^http:\S+\/v1\/traces answered 503$/)
  assert.equal(
    dropped.reduce((sum, { spans }) => sum + spans, 0),
    2_050,
  )
})

test('a receiver that does not answer delays the end by a second at most', async (t) => {
  const { receiver, exporter, dropped } = await opened(t)
  receiver.isSilent = true
  exporter.add(SPAN)
  const startedAt = performance.now()

  await exporter.close()

  assert.ok(performance.now() - startedAt < 10_000)
  assert.equal(dropped[0]?.spans, 1)
})
