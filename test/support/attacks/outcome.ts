/** What an attack did, and what it may do at most. */
import type { PoliteReport } from './polite-report.ts'

export interface Outcome {
  readonly attackS: number
  readonly polite: PoliteReport
  readonly peakRssMb: number
  /** The peak less what the program used before. */
  readonly grownMb: number
  readonly cpuS: number
  readonly loggedBytes: number
  readonly isAlive: boolean
  readonly hasSubscriber: boolean
  /** The polite clients' messages in the ledger, before and after the restart. */
  readonly receivedOfPolite: number
  /** Without a restart, undefined. */
  readonly restartS?: number
  readonly receivedAfterRestart?: number
}

const MAX_RSS_MB = 512
const MAX_P99_MS = 50
/** A machine on which the polite clients wait longer, with no attack, is busy with something else. */
const CALM_MS = 10
const MAX_RESTART_S = 5
const MAX_LOGGED_BYTES = process.env['ATTACK_NUMBERS'] === 'full' ? 100_000 : 20_000

/** Harm that nothing but the attack can be the cause of. Empty if only the attacker paid. */
export function harmOf(outcome: Outcome): string[] {
  const { polite, receivedOfPolite, restartS = 0 } = outcome
  const { receivedAfterRestart = receivedOfPolite } = outcome
  const stored = `${receivedOfPolite} stored of ${polite.published} polite messages`
  const subscriber = `${polite.received} of ${polite.published} polite messages delivered`
  const facts: [boolean, string][] = [
    [outcome.isAlive, 'the program is gone'],
    [outcome.peakRssMb <= MAX_RSS_MB, `RSS was ${outcome.peakRssMb.toFixed()} MB`],
    [outcome.loggedBytes <= MAX_LOGGED_BYTES, `the log grew by ${outcome.loggedBytes} bytes`],
    [restartS <= MAX_RESTART_S, `the restart took ${restartS.toFixed(1)} s`],
    [polite.closed.length === 0, `polite clients were cut off: ${polite.closed.join(', ')}`],
    [polite.acknowledged === polite.published, `${polite.acknowledged} acknowledged, ${stored}`],
    [receivedOfPolite === polite.published, stored],
    [receivedAfterRestart === polite.published, `after the restart ${stored}`],
    [!outcome.hasSubscriber || polite.received === polite.published, subscriber],
  ]
  return facts.filter(([isFine]) => !isFine).map(([, problem]) => problem)
}

/**
 * Harm of which a busy machine or a late garbage collection can be the cause as well. `maxGrownMb`
 * is the bound of this attack.
 */
export function doubtfulHarmOf({ polite, grownMb }: Outcome, maxGrownMb: number): string[] {
  const { p99Ms, calmP99Ms } = polite
  const isSlow = p99Ms > MAX_P99_MS + (calmP99Ms > CALM_MS ? calmP99Ms : 0)
  return [
    ...(isSlow ? [`polite clients waited ${p99Ms.toFixed()} ms (p99)`] : []),
    ...(grownMb > maxGrownMb ? [`RSS grew by ${grownMb.toFixed()} MB`] : []),
  ]
}

export function figuresOf(outcome: Outcome): string {
  const { polite } = outcome
  const times = [polite.p50Ms, polite.p99Ms, polite.maxMs, polite.calmP99Ms]
  const ms = times.map((value) => value.toFixed(1))
  return [
    `polite p50 ${ms[0]}, p99 ${ms[1]}, max ${ms[2]} ms of ${polite.count} (before: p99 ${ms[3]})`,
    `RSS ${outcome.peakRssMb.toFixed()} MB (+${outcome.grownMb.toFixed()})`,
    `CPU ${outcome.cpuS.toFixed(2)} s in ${outcome.attackS.toFixed(1)} s`,
    `log ${outcome.loggedBytes} bytes`,
    `restart ${outcome.restartS?.toFixed(1) ?? '-'} s`,
  ].join('; ')
}
