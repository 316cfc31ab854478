/** Reading answers: nothing throws, and every message is accepted, rejected or kept. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { failureOf } from '../../../../src/destinations/aws/answer.ts'
import type { Answer } from '../../../../src/destinations/http-client/http-exchange.ts'
import { outcomeOf } from '../../../../src/destinations/iot-analytics/response.ts'
import { makeBatch } from '../../../support/channels/batch-maker.ts'
import { heldHeapBytes } from '../../../support/garbage.ts'

const SIGNED_FOR_MS = Date.parse('2026-03-01T12:00:00Z')

function answer(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return { status, body, header: (name) => headers[name], isCut: false }
}

test('any body is read without an error, with each message in one list at most', () => {
  const batch = makeBatch('channel', 4)
  const known = fc.constantFrom(...batch.messages.map(({ messageId }) => messageId))
  const entry = fc.record(
    {
      messageId: fc.oneof(known, fc.jsonValue()),
      errorCode: fc.oneof(
        fc.constantFrom('400', '500', 'ThrottlingException', 'X'),
        fc.jsonValue(),
      ),
      errorMessage: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  const entries = fc.array(fc.oneof({ weight: 5, arbitrary: entry }, fc.jsonValue()))
  const bodies = fc.oneof(
    entries.map((batchPutMessageErrorEntries) => JSON.stringify({ batchPutMessageErrorEntries })),
    fc.json(),
    fc.string(),
  )

  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), bodies, (status, body) => {
      const outcome = outcomeOf(answer(status, body), batch)
      failureOf(answer(status, body), SIGNED_FOR_MS)

      if (outcome === undefined) return
      const settled = [...outcome.rejected.map(({ index }) => index), ...outcome.kept]
      assert.equal(new Set(settled).size, settled.length)
      for (const index of settled) assert.ok(Number.isInteger(index) && index >= 0 && index < 4)
      assert.deepEqual([...outcome.kept].sort(), outcome.kept)
    }),
    { numRuns: 2_000 },
  )
})

test('the time a service asks to wait is read in all its forms', () => {
  const date = 'Sun, 01 Mar 2026 12:00:10 GMT'
  const waitOf = (headers: Record<string, string>) =>
    failureOf(answer(429, '', headers), SIGNED_FOR_MS).retryAfterMs

  assert.equal(waitOf({ 'x-amz-retry-after': '1500' }), 1_500)
  assert.equal(waitOf({ 'retry-after': '2' }), 2_000)
  assert.equal(waitOf({ 'retry-after': 'Sun, 01 Mar 2026 12:00:40 GMT', date }), 30_000)
  assert.equal(waitOf({ 'retry-after': 'soon', date }), undefined)
  assert.equal(waitOf({ 'retry-after': '-1' }), undefined)
  assert.equal(waitOf({}), undefined)
})

test('the date of a cached answer does not count as the time of the service', () => {
  const headers = { date: 'Sun, 01 Mar 2026 13:00:00 GMT', 'x-amzn-errortype': 'RequestExpired' }
  const read = (more: Record<string, string>) =>
    failureOf(answer(403, '', { ...headers, ...more }), SIGNED_FOR_MS)

  assert.deepEqual([read({}).kind, read({}).skewMs], ['skewed', 3_600_000])
  assert.deepEqual(
    [read({ age: '60' }).kind, read({ age: '60' }).skewMs],
    ['unavailable', undefined],
  )
})

test('an answer that was cut off acknowledges nothing, even if the part that came is valid', () => {
  const cut = { ...answer(200, '{"batchPutMessageErrorEntries":[]}'), isCut: true }

  assert.equal(outcomeOf(cut, makeBatch('channel', 1)), undefined)
})

test('long explanations are cut, because every sender of a batch gets them', () => {
  const long = JSON.stringify({ message: 'x'.repeat(500_000), code: 'InvalidRequestException' })

  const failure = failureOf(answer(400, long), SIGNED_FOR_MS)

  assert.equal(failure.message.length, 1_000)
})

test('of answers of a megabyte only short texts stay in memory', () => {
  const batch = makeBatch('channel', 1)
  const long = 'x'.repeat(1_000_000)
  const held: unknown[] = []
  const before = heldHeapBytes()
  for (let i = 0; i < 60; i++) {
    const said = JSON.stringify({ message: `${i}${long}` })
    held.push(failureOf(answer(400, said, { 'x-amzn-errortype': `${i}${long}` }), SIGNED_FOR_MS))
    held.push(failureOf(answer(503, `${i}${long}`), SIGNED_FOR_MS))
    const entry = { errorCode: `${i}${long}`, errorMessage: `${i}${long}`, messageId: '0' }
    const body = JSON.stringify({ batchPutMessageErrorEntries: [entry] })
    held.push(outcomeOf(answer(200, body), batch))
  }
  const grown = heldHeapBytes() - before

  assert.ok(grown < 10_000_000, `${grown} bytes`)
  assert.ok(JSON.stringify(held).length < 60 * 3_000)
})

test('an answer with very many entries is read in one pass', () => {
  const batch = makeBatch('channel', 100)
  const entries = Array.from({ length: 200_000 }, () => ({}))
  const body = JSON.stringify({ batchPutMessageErrorEntries: entries })
  const before = process.cpuUsage()

  const outcome = outcomeOf(answer(200, body), batch)
  const { user } = process.cpuUsage(before)

  assert.equal(outcome?.kept.length, 100)
  assert.ok(user < 800_000, `${user} µs`)
})
