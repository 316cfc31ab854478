/**
 * Runs every campaign once, for a short time. `npm run faults -- --minutes 120` runs them for
 * hours. docs/reliability.md says what they do and what they found.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CAMPAIGNS } from './campaigns/all.ts'

const LENGTH_MS = 3_000

/** `FAULTS_ONLY` runs the campaigns with this in their names. */
const chosen = CAMPAIGNS.filter(({ name }) => name.includes(process.env['FAULTS_ONLY'] ?? ''))

describe('whatever happens to the process, its disk, its clock and its endpoint', {
  concurrency: 3,
}, () => {
  for (const { name, obstacle, run } of chosen) {
    const skip = obstacle?.() ?? false
    test(`${name}: what was acknowledged is delivered or accounted for`, { skip }, async (t) => {
      const seed = Date.now() % 2 ** 31
      t.diagnostic(`seed ${seed}`)

      const figures = await run({ seed, lengthMs: LENGTH_MS })

      t.diagnostic(JSON.stringify(figures))
      assert.deepEqual(figures.violations, [])
      assert.deepEqual({ lost: figures.lost, altered: figures.altered }, { lost: 0, altered: 0 })
      assert.ok(figures.acknowledged > 0)
    })
  }
  for (const { name, obstacle, sabotage, run } of chosen) {
    if (sabotage === undefined) continue
    const skip = obstacle?.() ?? false
    test(`${name}: the campaign notices it if ${sabotage}`, { skip }, async (t) => {
      const seed = Date.now() % 2 ** 31
      t.diagnostic(`seed ${seed}`)

      const { violations } = await run({ seed, lengthMs: 0, isSabotaged: true })

      t.diagnostic(violations.join('\n'))
      assert.notEqual(violations.length, 0)
    })
  }
})
