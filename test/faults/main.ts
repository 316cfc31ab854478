/**
 * Runs the campaigns for the given time, prints a line for each, and ends with a summary in JSON.
 *
 *     npm run faults -- --minutes 120 [--only power] [--seed 4711]
 *     npm run faults -- --minutes 0 --kills 10000 --cuts 10000
 *     npm run faults -- --minutes 0 --soak 30
 *     npm run faults -- --minutes 0 --qos2-kills 1000
 *
 * `--kills` kills a bare writer of the store, `--cuts` cuts the power of a store on a simulated
 * disk. The exit code is 1 if anything was found; its data directory is then left for inspection.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Campaign } from './campaign.ts'
import { CAMPAIGNS } from './campaigns/all.ts'
import { exactlyOnce, exactlyOnceCampaign } from './campaigns/exactly-once.ts'
import { soak, soakCampaign } from './campaigns/soak.ts'
import { addFigures, type Figures, newFigures } from './figures.ts'
import { killWriters } from './kill-lanes.ts'
import { cutStores } from './store-cuts.ts'

/** Between two lines of progress of `--kills` and `--cuts`. */
const PROGRESS_MS = 30_000
const LENGTH_MS = 20_000
const LANES = 2
const PATIENCE_MS = 300_000

const KILL_LANES = 4
const KILLED_CHANNELS = 3
const USAGE = `npm run faults -- [options]
  --minutes <number>     how long campaigns run (10)
  --only <text>          only campaigns with this in their names
  --kills <number>       how often to kill a bare writer of the store (0)
  --cuts <number>        how often to cut power or kill on a simulated disk (0)
  --qos2-kills <number>  how often to kill it while QoS 2 messages lose their answers (0)
  --soak <minutes>       how long one process runs under load, with its memory watched (0)
  --seed <number>        of the first campaign, and of the first simulated disk
  --help                 this text
campaigns: ${CAMPAIGNS.map(({ name }) => name).join(', ')}
`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    kills: { type: 'string', default: '0' },
    cuts: { type: 'string', default: '0' },
    soak: { type: 'string', default: '0' },
    'qos2-kills': { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
const startedAt = performance.now()
const endsAt = startedAt + Number(values.minutes) * 60_000
const sum = newFigures()
const turns: Record<string, number> = {}
let turn = 0

const chosen = CAMPAIGNS.filter(({ name, obstacle }) => {
  if (!name.includes(values.only)) return false
  const reason = obstacle?.()
  if (reason !== undefined) process.stdout.write(`${name}: left out, ${reason}\n`)
  return reason === undefined
})
await Promise.all(Array.from({ length: LANES }, lane))
const kills = await rounds('kills', Number(values.kills), (count, progress) =>
  killWriters({ rounds: count, lanes: KILL_LANES, channels: KILLED_CHANNELS, progress }),
)
const cuts = await rounds('cuts', Number(values.cuts), (count, progress) =>
  cutStores(Number(values.seed), count, progress),
)
const qos2Kills = Number(values['qos2-kills'])
if (qos2Kills > 0) {
  await alone(exactlyOnceCampaign, (seed) => exactlyOnce({ seed, lengthMs: 0 }, qos2Kills))
}
if (Number(values.soak) > 0) {
  const lengthMs = Number(values.soak) * 60_000
  await alone(soakCampaign, (seed) =>
    soak({ seed, lengthMs }, (line) => process.stdout.write(`${line}\n`)),
  )
}
const minutes = (performance.now() - startedAt) / 60_000
process.stdout.write(
  `${JSON.stringify({ minutes: Number(minutes.toFixed(1)), turns, kills, cuts, ...sum }, undefined, 2)}\n`,
)
process.exit(sum.violations.length + sum.lost + sum.altered === 0 ? 0 : 1)

async function lane(): Promise<void> {
  while (performance.now() < endsAt) {
    const campaign = chosen[turn % chosen.length]
    const seed = (Number(values.seed) + turn) % 2 ** 31
    turn += 1
    if (campaign === undefined) return
    const figures = await attempt(campaign, seed)
    turns[campaign.name] = (turns[campaign.name] ?? 0) + 1
    addFigures(sum, figures)
    process.stdout.write(`${lineOf(campaign, seed, figures)}\n`)
  }
}

/** The results of `--kills` and `--cuts`; empty when neither was given. */
async function rounds<T>(
  name: string,
  count: number,
  run: (count: number, progress: (done: number) => void) => Promise<T>,
): Promise<T | undefined> {
  if (count === 0) return undefined
  let reportedAt = performance.now()
  const progress = (done: number) => {
    if (performance.now() - reportedAt < PROGRESS_MS) return
    reportedAt = performance.now()
    process.stderr.write(`${done} of ${count} ${name}\n`)
  }
  try {
    return await run(count, progress)
  } catch (error) {
    sum.violations.push(`${name}: ${error instanceof Error ? error.message : error}`)
    return undefined
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

/** Beside no other campaign, for as long as it takes. */
async function alone(campaign: Campaign, run: (seed: number) => Promise<Figures>): Promise<void> {
  const seed = Number(values.seed)
  try {
    const figures = await run(seed)
    addFigures(sum, figures)
    process.stdout.write(`${lineOf(campaign, seed, figures)}\n`)
  } catch (error) {
    sum.violations.push(`${campaign.name}: ${error instanceof Error ? error.stack : error}`)
  }
}

/** A campaign that never ends is a finding too. The timer keeps the process alive. */
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
