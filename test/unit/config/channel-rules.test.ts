/** Rules of single channels, dead letters and how each destination is sent to, as they are configured. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../src/config/parse-config.ts'
import type { ConfigInput } from '../../../src/config/schema/schema.ts'
import { channelSettings } from '../../../src/connector/channel-settings.ts'
import { ConnectorError } from '../../../src/errors.ts'

const destination = { iotAnalytics: { endpoint: 'http://127.0.0.1:1', region: 'us-west-2' } }

function settingsOf(input: ConfigInput) {
  return channelSettings(parseConfig(input, {}))
}

function problemOf(input: unknown): string {
  let message = ''
  assert.throws(
    () => parseConfig(input as ConfigInput, {}),
    (error) => {
      assert.ok(error instanceof ConnectorError && error.code === 'InvalidConfiguration')
      message = error.message
      return true
    },
  )
  return message
}

test('what a channel says itself goes over what * says, setting by setting', () => {
  const { rulesFor } = settingsOf({
    channels: {
      '*': { maxAge: '7d', deduplication: { window: '15m' } },
      hot: { maxAge: 30_000 },
      precious: { deduplication: { window: '24h', maxIds: 5 } },
    },
  })

  assert.deepEqual(rulesFor?.('any'), {
    maxAgeMs: 604_800_000,
    deduplication: { windowMs: 900_000, maxIds: 10_000 },
  })
  assert.equal(rulesFor?.('hot').maxAgeMs, 30_000)
  assert.deepEqual(rulesFor?.('precious'), {
    maxAgeMs: 604_800_000,
    deduplication: { windowMs: 86_400_000, maxIds: 5 },
  })
})

test('without rules nothing expires and no id is remembered, whatever a channel is called', () => {
  const { rulesFor } = settingsOf({})

  for (const channel of ['c', 'constructor', 'toString']) {
    assert.deepEqual(rulesFor?.(channel), { maxAgeMs: undefined, deduplication: undefined })
  }
})

for (const [text, milliseconds] of [
  ['1500ms', 1_500],
  ['30s', 30_000],
  ['1.5m', 90_000],
  ['24h', 86_400_000],
] as const) {
  test(`${text} is ${milliseconds} milliseconds`, () => {
    assert.equal(
      settingsOf({ channels: { c: { maxAge: text } } }).rulesFor?.('c').maxAgeMs,
      milliseconds,
    )
  })
}

for (const wrong of ['', '5', '5 minutes', '-1s', '10ms', 10, -5, '999999999d', true]) {
  test(`${JSON.stringify(wrong)} is no maxAge`, () => {
    const problem = problemOf({ channels: { c: { maxAge: wrong } } })

    assert.match(
      problem,
      /channels\.c\.maxAge.*: expected a duration such as 7d, at least 1s, got /,
    )
  })
}

test('a wrong channel name and a wrong key are named', () => {
  assert.match(
    problemOf({ channels: { 'a/b': {} } }),
    /channels\.a\/b.*expected \* or a channel’s name/,
  )
  assert.match(
    problemOf({ channels: { c: { maxage: 5 } } }),
    /unknown key; did you mean channels\.c\.maxAge/,
  )
})

test('readers begin where their destination says', () => {
  const { cursorStarts } = settingsOf({
    destinations: [
      { ...destination, name: 'a' },
      { ...destination, name: 'b', from: 'earliest' },
      { ...destination, name: 'c', from: '2026-01-31T12:00:00Z' },
    ],
  })

  assert.deepEqual(cursorStarts, { b: 'earliest', c: { time: Date.parse('2026-01-31T12:00:00Z') } })
  assert.match(
    problemOf({ destinations: [{ ...destination, from: 'yesterday' }] }),
    /destinations\[0\]\.from.*expected now, earliest or a time/,
  )
})

test('delivery and dead letters have sane defaults', () => {
  const { destinations, deadLetters } = parseConfig({ destinations: [destination] }, {})

  assert.deepEqual(destinations[0]?.delivery, {
    batchesInFlight: 1,
    catchUp: { order: 'backlog-first' },
  })
  assert.deepEqual(deadLetters, { maxMessages: 10_000, maxBytes: 16_777_216 })
  assert.equal(parseConfig({ deadLetters: false }, {}).deadLetters, undefined)
})
