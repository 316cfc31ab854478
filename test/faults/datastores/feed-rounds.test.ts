/** `FEED_KILLS` sets the number of kills, `FEED_SEED` the moments. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { duckdb } from '../../support/analytics/duckdb.ts'
import { temporaryDirectory } from '../../support/disk/disk-stores.ts'
import { feedRounds } from './feed-rounds.ts'

const ROUNDS = Number(process.env['FEED_KILLS'] ?? 10)
const SEED = Number(process.env['FEED_SEED'] ?? 4712)

test('wherever a pipeline or a reprocessing is killed, every message is in the datastore once', {
  timeout: 60_000 + ROUNDS * 10_000,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const connection = await duckdb(t)

  const { killed, finished, faults } = await feedRounds({
    directory,
    connection,
    rounds: ROUNDS,
    seed: SEED,
  })

  t.diagnostic(`${ROUNDS} rounds, ${killed} killed, ${finished} finished`)
  assert.deepEqual(faults, [])
  assert.ok(killed > 0, 'some processes were killed')
})
