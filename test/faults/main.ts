/**
 * Runs the campaigns for as long as asked, a line each, and ends with a summary in JSON.
 *
 *     npm run faults -- --minutes 120 [--only power] [--seed 4711]
 *
 * Exit code 1 when anything was found; the data directory of that campaign is left for a look.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Campaign } from './campaign.ts'
import { CAMPAIGNS } from './campaigns/all.ts'
import { addFigures, type Figures, newFigures } from './figures.ts'

const LENGTH_MS = 20_000
const LANES = 2
const PATIENCE_MS = 300_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})
const startedAt = performance.now()
const endsAt = startedAt + Number(values.minutes) * 60_000
const sum = newFigures()
const rounds: Record<string, number> = {}
let turn = 0

const chosen = CAMPAIGNS.filter(({ name, obstacle }) => {
  if (!name.includes(values.only)) return false
  const reason = obstacle?.()
  if (reason !== undefined) process.stdout.write(`${name}: left out, ${reason}\n`)
  return reason === undefined
})
await Promise.all(Array.from({ length: LANES }, lane))
const minutes = (performance.now() - startedAt) / 60_000
process.stdout.write(
  `${JSON.stringify({ minutes: Number(minutes.toFixed(1)), rounds, ...sum }, undefined, 2)}\n`,
)
process.exit(sum.violations.length + sum.lost + sum.altered === 0 ? 0 : 1)

async function lane(): Promise<void> {
  while (performance.now() < endsAt) {
    const campaign = chosen[turn % chosen.length]
    const seed = (Number(values.seed) + turn) % 2 ** 31
    turn += 1
    if (campaign === undefined) return
    const figures = await attempt(campaign, seed)
    rounds[campaign.name] = (rounds[campaign.name] ?? 0) + 1
    addFigures(sum, figures)
    process.stdout.write(`${lineOf(campaign, seed, figures)}\n`)
  }
}

async function attempt(campaign: Campaign, seed: number): Promise<Figures> {
  try {
    return await Promise.race([campaign.run({ seed, lengthMs: LENGTH_MS }), overdue()])
  } catch (error) {
    const figures = newFigures()
    figures.violations.push(`${campaign.name}: ${error instanceof Error ? error.stack : error}`)
    return figures
  }
}

/** A campaign that waits for something that never comes is a finding too; the timer keeps the process. */
async function overdue(): Promise<never> {
  await delay(LENGTH_MS + PATIENCE_MS)
  throw new Error('it did not end')
}

function lineOf({ name }: Campaign, seed: number, figures: Figures): string {
  const at = `${((performance.now() - startedAt) / 60_000).toFixed(1)} min`
  const { acknowledged, lost, altered, duplicates, starts, violations } = figures
  const found = violations.map((violation) => `\n  ${violation}`).join('')
  return `${at}  ${name} (seed ${seed}): ${starts} starts, ${acknowledged} acknowledged, ${lost} lost, ${altered} altered, ${duplicates} repeated${found}`
}
