/**
 * Kills the program under load while the way to its destination fails, reads the destination back,
 * and prints a line of JSON. The exit code is 1 if anything was found.
 *
 *     npm run rounds -- iotAnalytics --rounds 1000 --seed 4711
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Cleanup } from '../../support/servers/server-process.ts'
import { ROUND_KINDS } from './kinds/all.ts'
import { runRounds } from './rounds.ts'

const MAIN = join(import.meta.dirname, '..', '..', '..', '..', 'dist', 'program', 'main.js')
const PROGRESS_EVERY = 100

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})
const names = ROUND_KINDS.map(({ name }) => name).join(', ')
const [wanted = ''] = positionals
const kind = ROUND_KINDS.find(({ name }) => name === wanted)
if (kind === undefined || kind.skip !== false) {
  const reason = kind === undefined ? `expected one of ${names}` : kind.skip
  process.stderr.write(`${wanted}: ${reason}\n`)
  process.exit(2)
}
const releases: (() => unknown)[] = []
const t: Cleanup = { after: (release) => releases.push(release) }
const seed = Number(values.seed)
let code = 1
try {
  const figures = await runRounds(t, {
    kind,
    rounds: Number(values.rounds),
    seed,
    main: MAIN,
    progress(done) {
      if (done % PROGRESS_EVERY === 0) process.stderr.write(`${done} rounds\n`)
    },
  })
  process.stdout.write(`${JSON.stringify(figures)}\n`)
  code = figures.violations.length === 0 ? 0 : 1
} catch (error) {
  process.stderr.write(`${wanted}, seed ${seed}: ${error instanceof Error ? error.stack : error}\n`)
}
// A directory is removed after the server that uses it has ended: the newest first.
for (const release of releases.reverse()) await release()
process.exit(code)
