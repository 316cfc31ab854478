/**
 * Declares attacks as tests, each against the defaults and under the rules of docs/security.md.
 * `ATTACK_NUMBERS=full` plays them with numbers that broke earlier versions; without it they are
 * small enough for every run of the tests.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { doubtfulHarmOf, figuresOf, harmOf } from './outcome.ts'
import { hasOpenssl } from './security-page.ts'
import { Target, type TargetOptions } from './target.ts'

const IS_FULL = process.env['ATTACK_NUMBERS'] === 'full'
/** An older build is expected to fail; there is nothing to be repeated. */
const ATTEMPTS = process.env['ATTACK_PROGRAM'] === undefined ? 3 : 1
const SHOWS_LOG = process.env['ATTACK_LOG'] === 'shown'
const LOG_SHOWN = 2_000
const WITHIN_MS = 240_000

export interface Attack extends Omit<TargetOptions, 'hasRules'> {
  /** Which configurations it is played against. Default: both. */
  readonly against?: readonly ('defaults' | 'rules')[]
  /** Under the rules it takes the same way through the code: only the full numbers are played there. */
  readonly isPlainInCi?: boolean
  /** How far memory may grow. */
  readonly maxGrownMb: number
  /** Attacks. What it returns is called at the end, against the restarted program. */
  readonly play: (target: Target, t: TestContext) => Promise<(() => Promise<void>) | undefined>
}

/** A number of an attack: small for every run, or as large as it takes. */
export function number(small: number, full: number): number {
  return IS_FULL ? full : small
}

export function attack(title: string, attack: Attack): void {
  const { against = ['defaults', 'rules'] } = attack
  const skip = existsSync('/proc/self/status') ? false : 'needs /proc, to measure a process'
  if (against.includes('defaults')) {
    test(title, { skip, timeout: WITHIN_MS }, (t) => play(t, attack, false))
  }
  if (against.includes('rules') && (IS_FULL || attack.isPlainInCi !== true)) {
    const skipRules = hasOpenssl ? skip : 'openssl is missing: apt-get install openssl'
    const titleOfRules = `${title}, under the rules of docs/security.md`
    test(titleOfRules, { skip: skipRules, timeout: WITHIN_MS }, (t) => play(t, attack, true))
  }
}

async function play(t: TestContext, attack: Attack, hasRules: boolean): Promise<void> {
  const isRestarted = IS_FULL || attack.isRestarted === true
  let harm: string[] = []
  // What the attack causes is there each time.
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const target = await Target.start(t, { ...attack, hasRules, isRestarted })
    let check: (() => Promise<void>) | undefined
    const outcome = await target.under(async () => {
      check = await attack.play(target, t)
    })
    t.diagnostic(figuresOf(outcome))
    if (SHOWS_LOG) t.diagnostic(target.program.output.slice(-LOG_SHOWN))
    assert.deepEqual(harmOf(outcome), [])
    await check?.()
    await target.program.kill()
    harm = doubtfulHarmOf(outcome, attack.maxGrownMb)
    if (harm.length === 0) return
  }
  assert.deepEqual(harm, [])
}
