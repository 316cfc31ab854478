/** `TABLE_KILLS` sets the number of kills, `TABLE_SEED` the moments. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { duckdb } from '../../support/analytics/duckdb.ts'
import { temporaryDirectory } from '../../support/disk/disk-stores.ts'
import { killRounds } from './kill-rounds.ts'

const ROUNDS = Number(process.env['TABLE_KILLS'] ?? 12)
const SEED = Number(process.env['TABLE_SEED'] ?? 4711)

test('wherever the conversion or a compaction is killed, every row is in one file, and no half file is visible', {
  timeout: 60_000 + ROUNDS * 10_000,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const connection = await duckdb(t)

  const figures = await killRounds({ directory, connection, rounds: ROUNDS, seed: SEED })

  t.diagnostic(`${ROUNDS} rounds, ${figures.killed} killed, ${figures.finished} finished`)
  assert.deepEqual(figures.faults, [])
  assert.ok(figures.killed > 0, 'some processes were killed')
})
