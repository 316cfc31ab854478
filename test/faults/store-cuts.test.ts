/**
 * Power cuts and kills at any call of the disk, in one process: nothing acknowledged is lost or
 * altered. CUT_ROUNDS says how often, CUT_SEED where to begin.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cutStore, cutStores, newCutFigures } from './store-cuts.ts'

const ROUNDS = Number(process.env['CUT_ROUNDS'] ?? 300)

test(`${ROUNDS} power cuts and kills lose nothing that was committed`, async (t) => {
  const seed = Number(process.env['CUT_SEED'] ?? 1)
  t.diagnostic(`seed ${seed}`)

  const figures = await cutStores(seed, ROUNDS)

  t.diagnostic(JSON.stringify({ ...figures, lost: 0 }))
  assert.ok(figures.commits > ROUNDS)
})

/** Seeds of disks that once revealed a fault. */
const SEEDS_OF_FAULTS = [1, 56, 104, 202, 20_188, 31_014, 61_072, 61_266, 61_275, 71_037, 201_059]

test('disks on which messages were once lost lose nothing', async () => {
  const figures = newCutFigures()

  for (const seed of SEEDS_OF_FAULTS) await cutStore(seed, figures)

  assert.ok(figures.commits > 100)
})
