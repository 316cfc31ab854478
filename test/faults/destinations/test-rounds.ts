/** Rounds as a test. `ROUNDS` sets the number of kills per destination, `ROUNDS_SEED` the moments. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundledProgram } from './bundled-program.ts'
import { ROUND_KINDS } from './kinds/all.ts'
import type { RoundKind } from './peer.ts'
import { runRounds } from './rounds.ts'

// `npm run rounds` makes as many as there is time for.
const ROUNDS = Number(process.env['ROUNDS'] ?? 30)
const SEED = Number(process.env['ROUNDS_SEED'] ?? 4711)

export function kindNamed(name: string): RoundKind {
  const kind = ROUND_KINDS.find((one) => one.name === name)
  assert.ok(kind, `there are no rounds with ${name}`)
  return kind
}

export function testRounds(kind: RoundKind): void {
  const exactly = kind.isExactlyOnce ? ', each once' : ''
  test(`${kind.name} has every acknowledged message in the end${exactly}, although the program is killed and the way to it fails`, {
    skip: kind.skip,
    timeout: 180_000 + ROUNDS * 5_000,
  }, async (t) => {
    const main = await bundledProgram(t)

    const figures = await runRounds(t, { kind, rounds: ROUNDS, seed: SEED, main })

    t.diagnostic(JSON.stringify(figures))
    assert.ok(figures.acknowledged > ROUNDS, 'messages were sent')
    assert.deepEqual(figures.violations, [], `seed ${SEED}`)
  })
}
