/** The judges of rounds. The rounds themselves are in `../rounds/`. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { payloadOf } from '../numbered-message.ts'
import { ROUND_KINDS } from './kinds/all.ts'
import type { PeerRow } from './peer.ts'
import { judge } from './verdict.ts'
import { windowViolations } from './window.ts'

test('every kind has a file of rounds, since a file of tests has 10 minutes', () => {
  const files = readdirSync(join(import.meta.dirname, '..', 'rounds'))
  const names = files.map((file) => file.replace(/\.test\.js.*$/, '').replaceAll('-', ''))
  const without = ROUND_KINDS.filter(({ name }) => !names.includes(name.toLowerCase()))

  assert.deepEqual(without, [])
})

test('the judge counts what is lost, missing, altered, repeated and there twice', () => {
  const row = (offset: number, number: number): PeerRow => ({
    logId: 'a',
    offset,
    payload: Buffer.from(payloadOf({ publisher: 'alpha', number })),
  })
  const altered = { ...row(4, 9), payload: Buffer.from('alpha/9/other') }
  const rows = [row(0, 0), row(1, 1), row(1, 1), row(3, 1), altered, row(5, 2)]

  assert.deepEqual(judge(new Map([['alpha', new Set([0, 1, 2, 3, 9])]]), rows), {
    lost: 2,
    missing: 1,
    altered: 1,
    duplicates: 1,
    repeated: 1,
    rows: 6,
  })
})

test('a copy needs a kill before which its message was not settled on disk, or a fault', () => {
  const kills = [{ at: 10_000, endedAt: 10_010, settled: new Map([['a', 5]]) }]
  const faults = [{ from: 30_000, to: 30_050 }]
  const copies = (offset: number, first: number, second: number) => [
    { logId: 'a', offset, at: first },
    { logId: 'a', offset, at: second },
  ]
  const found = (offset: number, first: number, second: number) =>
    windowViolations(copies(offset, first, second), kills, faults).length

  assert.equal(found(5, 9_900, 10_400), 0, 'not settled')
  assert.equal(found(4, 9_900, 10_400), 1, 'settled')
  assert.equal(found(7, 10_100, 10_400), 0, 'the first was on its way when it was killed')
  assert.equal(found(4, 30_100, 30_400), 0, 'the first was on its way when it was cut')
  assert.equal(found(4, 29_900, 30_200), 0, 'its answer was lost')
  assert.equal(found(4, 20_000, 20_100), 1, 'for no reason')
  const next = { logId: 'a', offset: 9, at: 29_950, connection: 1 }
  const [first, second] = copies(4, 29_900, 30_200)
  const answered = [{ ...first!, connection: 1 }, next, { ...second!, connection: 2 }]
  assert.equal(windowViolations(answered, kills, faults).length, 1, 'its answer was read')
})
