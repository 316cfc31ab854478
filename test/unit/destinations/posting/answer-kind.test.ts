import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerKindOf, retryAfterMsOf } from '../../../../src/destinations/posting/answer-kind.ts'

const NOW = Date.UTC(2026, 0, 31, 12)

function answer(status: number, headers: Record<string, string> = {}, body = '') {
  return { status, header: (name: string) => headers[name], body }
}

const kinds = [
  ['accepted', [200, 201, 202, 204, 299]],
  ['content', [400, 413, 422]],
  ['retry', [408, 409, 425, 429, 500, 501, 502, 503, 504, 599]],
  ['denied', [401, 403, 407]],
  ['missing', [404, 410]],
  ['unavailable', [300, 301, 302, 304, 307, 402, 405, 406, 411, 412, 414, 415, 421, 431, 451]],
] as const
for (const [kind, statuses] of kinds) {
  for (const status of statuses) {
    test(`status ${status} is ${kind}`, () => {
      assert.equal(answerKindOf(answer(status)), kind)
    })
  }
}

test('a page for people says nothing about the messages, unless a body was too long', () => {
  for (const status of [400, 422]) {
    const byType = answer(status, { 'content-type': 'text/html; charset=utf-8' }, 'no')
    assert.equal(answerKindOf(byType), 'unavailable')
    assert.equal(answerKindOf(answer(status, {}, ' \n<!doctype html>')), 'unavailable')
  }
  assert.equal(answerKindOf(answer(413, {}, '<html>')), 'content')
})

test('Retry-After is seconds, or a date by the clock of the server', () => {
  const date = 'Sat, 31 Jan 2026 12:00:30 GMT'
  const cases: readonly (readonly [Record<string, string>, number | undefined])[] = [
    [{}, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': '5' }, 5_000],
    [{ 'retry-after': ' 0 ' }, 0],
    [{ 'retry-after': '-1' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': date }, 30_000],
    [{ 'retry-after': date, date: 'Sat, 31 Jan 2026 12:00:20 GMT' }, 10_000],
    [{ 'retry-after': date, date: 'Sat, 31 Jan 2026 12:01:00 GMT' }, 0],
  ]
  for (const [headers, expected] of cases) {
    assert.equal(retryAfterMsOf(answer(503, headers), NOW), expected, JSON.stringify(headers))
  }
})
