/** Power fails at every single call of runs in which slots are reused many times. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '../../../../../src/clock.ts'
import { JournalTrial } from '../../../../support/disk/journal-trial.ts'

const SEEDS = Number(process.env['PROPERTY_RUNS'] ?? 300) > 300 ? 40 : 4
const ROUNDS = 14

/** Several channels: one that nobody reads, one read at once, one read late, and a rare one. */
async function run(trial: JournalTrial): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 3 === 0) trial.append('stuck')
    trial.append('quick', 1 + (round % 3), 1_500)
    trial.append('late', 1, 2_500)
    if (round === 5) trial.append('rare')
    await trial.commit()
    trial.release('quick')
    if (round % 2 === 1) trial.release('late', 3)
    if (round % 2 === 0) await trial.commit()
  }
}

interface Cuts {
  readonly trialOf: (seed: number) => JournalTrial
  /** After the crash. */
  readonly check?: (trial: JournalTrial) => Promise<void>
}

/** Repeats a run with a power cut at one call after the other, until a run completes. */
async function cutAtEachCall({ trialOf, check }: Cuts): Promise<void> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    let isOver = false
    for (let call = 0; !isOver; call++) {
      const trial = trialOf(seed)
      trial.disk.powerLostAt = call
      isOver = await runsToEnd(trial)
      await named(`seed ${seed}, call ${call}`, async () => {
        await trial.crash()
        await check?.(trial)
      })
    }
  }
}

/** False if power failed before the end. */
async function runsToEnd(trial: JournalTrial): Promise<boolean> {
  try {
    await trial.open()
    await run(trial)
    return true
  } catch (error) {
    assert.equal(trial.disk.hasPower, false, String(error))
    return false
  }
}

test('whenever power fails, no acknowledged message is lost, and nothing is reported as damaged', () =>
  cutAtEachCall({
    trialOf: (seed) => new JournalTrial(seed),
    check: async (trial) => {
      trial.append('quick')
      trial.append('stuck')
      await trial.commit()
      await trial.check()
      await trial.crash()
      await trial.restart()
      await trial.check()
    },
  }))

/** A clock on which no pause ever ends: the standing slots are never all created. */
const slowClock: Clock = { ...systemClock, after: () => ({ cancel() {} }) }

test('whenever power fails while slots are scarce, no acknowledged message is lost, and nothing is reported as damaged', () =>
  cutAtEachCall({ trialOf: (seed) => new JournalTrial(seed, { clock: slowClock }) }))

test('whenever power fails after a failed write, no acknowledged message is lost', () =>
  cutAtEachCall({
    trialOf: (seed) => {
      const trial = new JournalTrial(seed)
      let writes = 0
      trial.disk.fail = (operation, path) => {
        if (operation !== 'write' || !path.endsWith('.jnl')) return undefined
        return ++writes % 9 === 0 ? 'EIO' : undefined
      }
      return trial
    },
    check: async (trial) => {
      trial.append('quick')
      await trial.commit()
      await trial.check()
    },
  }))

test('power that fails again and again, also while opening, loses nothing', async () => {
  for (let seed = 1; seed <= SEEDS * 25; seed++) {
    const trial = new JournalTrial(seed)
    for (let life = 0; life < 6; life++) {
      trial.disk.powerLostAt = trial.disk.calls + ((seed * 7 + life * 31) % 120)
      try {
        if (life === 0) await trial.open()
        await run(trial)
      } catch (error) {
        assert.equal(trial.disk.hasPower, false, String(error))
      }
      await named(`seed ${seed}, life ${life}`, async () => {
        if (life % 2 === 1) {
          trial.disk = trial.disk.afterPowerLoss()
          trial.disk.powerLostAt = (seed + life) % 40
          await trial.open().catch(() => undefined)
        }
        await trial.crash()
      })
    }
  }
})

/** Adds the case in which an assertion failed. */
async function named(what: string, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}
