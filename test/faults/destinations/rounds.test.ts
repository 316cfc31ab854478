/**
 * The judge of rounds, and the rounds themselves of kinds that have no file in `../rounds/`. A file of
 * tests has 300 s, so each kind should have one.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { payloadOf } from '../numbered-message.ts'
import { ROUND_KINDS } from './kinds.ts'
import type { PeerRow } from './peer.ts'
import { testRounds } from './test-rounds.ts'
import { judge } from './verdict.ts'

const files = readdirSync(join(import.meta.dirname, '..', 'rounds'))
const inFiles = new Set(files.map((file) => file.replace(/\.test\.js.*$/, '').replaceAll('-', '')))

for (const kind of ROUND_KINDS) if (!inFiles.has(kind.name.toLowerCase())) testRounds(kind)

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
