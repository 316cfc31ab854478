/** `ROUNDS` sets the number of kills per destination, `ROUNDS_SEED` the moments. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { payloadOf } from '../numbered-message.ts'
import { ROUND_KINDS } from './kinds.ts'
import type { PeerRow } from './peer.ts'
import { runRounds } from './rounds.ts'
import { judge } from './verdict.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 50)
const SEED = Number(process.env['ROUNDS_SEED'] ?? 4711)

describe('a program that is killed under load while the way to its destination fails', () => {
  for (const kind of ROUND_KINDS) {
    const exactly = kind.isExactlyOnce ? ', each once' : ''
    test(`${kind.name} has every acknowledged message in the end${exactly}`, {
      skip: kind.skip,
      timeout: 180_000 + ROUNDS * 5_000,
    }, async (t) => {
      const figures = await runRounds(t, { kind, rounds: ROUNDS, seed: SEED })

      t.diagnostic(JSON.stringify(figures))
      assert.ok(figures.acknowledged > ROUNDS, 'messages were sent')
      assert.deepEqual(figures.violations, [], `seed ${SEED}`)
    })
  }
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
