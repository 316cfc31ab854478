/**
 * The disk log, compared with a plain array, on a disk that loses power at any call, flips bits or
 * fails. fast-check prints seed and path of a failing case.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryBudget } from '../../src/channels/log/memory-budget.ts'
import { readAll } from '../support/channels/log-drafts.ts'
import {
  appendSizes,
  DiskLogTrial,
  optionsOf,
  payloads,
  settings,
  steps,
} from '../support/disk/disk-log-trial.ts'
import { SimulatedDisk, seededRandom } from '../support/disk/simulated-disk.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 300)

const seed = fc.nat()

test('without faults the log behaves like an array', async () => {
  await fc.assert(
    fc.asyncProperty(steps, seed, settings, async (taken, seedNumber, chosen) => {
      const random = seededRandom(seedNumber)
      const trial = new DiskLogTrial(new SimulatedDisk(random), random, optionsOf(chosen))
      await trial.open()

      for (const one of taken) await trial.take(one)

      await trial.checkReads(trial.released)
      await trial.close()
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})

test('after a power cut at any call, every committed message is there, unaltered and in order', async () => {
  const life = fc.record({ taken: steps, powerLostAt: fc.integer({ min: 0, max: 200 }) })
  const lives = fc.array(life, { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(lives, seed, settings, async (all, seedNumber, chosen) => {
      const random = seededRandom(seedNumber)
      const trial = new DiskLogTrial(new SimulatedDisk(random), random, optionsOf(chosen))
      await trial.open()
      for (const { taken, powerLostAt } of all) {
        trial.disk.powerLostAt = trial.disk.calls + powerLostAt
        try {
          for (const one of taken) await trial.take(one)
        } catch (error) {
          assert.equal(trial.disk.hasPower, false, String(error))
        }
        trial.disk = trial.disk.afterPowerLoss()
        await openAfterPowerLoss(trial, random() < 0.3)
      }

      trial.append(3, 50)
      await trial.commit()
      await trial.checkReads(trial.released)
      await trial.close()
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})

/** Opens, maybe loses power and opens again; the messages found go into the model. */
async function openAfterPowerLoss(trial: DiskLogTrial, losesPowerAgain: boolean): Promise<void> {
  const { staged } = trial
  if (losesPowerAgain) {
    trial.disk.powerLostAt = trial.disk.calls + 6
    await trial.open().catch(() => undefined)
    trial.disk = trial.disk.afterPowerLoss()
  }
  await trial.open()
  const found = payloads(await readAll(trial.log, trial.released))
  const expected = trial.committed.slice(trial.released)
  assert.deepEqual(found.slice(0, expected.length), expected)
  assert.deepEqual([...trial.log.damaged], [])
  // A prefix of the messages that were not acknowledged may have been stored all the same.
  const more = found.slice(expected.length)
  assert.deepEqual(more, staged.slice(0, more.length))
  trial.committed.push(...more)
  trial.staged = []
}

test('whichever calls fail, committed messages stay and refused ones are named', async () => {
  const codes = fc.constantFrom('ENOSPC', 'EIO', 'EROFS', 'EDQUOT')
  await fc.assert(
    fc.asyncProperty(steps, seed, settings, codes, async (taken, seedNumber, chosen, code) => {
      const random = seededRandom(seedNumber)
      const trial = new DiskLogTrial(new SimulatedDisk(random), random, optionsOf(chosen))
      await trial.open()
      for (const one of taken) {
        if (one.do === 'reopen') continue
        trial.disk.fail = (operation) =>
          one.do !== 'read' && random() < 0.2 && operation !== 'read' ? code : undefined
        await trial.take(one)
      }
      trial.disk.fail = () => undefined

      trial.append(2, 20)
      await trial.commit()
      await trial.checkReads(trial.released)
      await trial.close()
      trial.disk = trial.disk.afterPowerLoss()
      await trial.open()

      await trial.checkReads(trial.released)
      await trial.close()
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})

test('a failing read says StorageFailed and succeeds later', async () => {
  await fc.assert(
    fc.asyncProperty(steps, seed, async (taken, seedNumber) => {
      const random = seededRandom(seedNumber)
      const options = { segmentBytes: 500, budget: new MemoryBudget(0), historyBytes: 1_000_000 }
      const trial = new DiskLogTrial(new SimulatedDisk(random), random, options)
      await trial.open()
      for (const one of taken) await trial.take(one)
      trial.disk.fail = () => (random() < 0.3 ? 'EIO' : undefined)

      const failure = await readAll(trial.log, trial.released).then(
        () => undefined,
        (error: unknown) => error,
      )
      trial.disk.fail = () => undefined

      if (failure !== undefined) {
        assert.ok(failure instanceof Error && 'code' in failure)
        assert.equal(failure.code, 'StorageFailed')
      }
      await trial.checkReads(trial.released)
      await trial.close()
    }),
    { numRuns: Math.ceil(RUNS / 3), includeErrorInReport: true },
  )
})

test('a flipped bit costs at most the commit it is in, and never stops the log', async () => {
  const flips = fc.record({
    file: fc.nat(),
    position: fc.nat(),
    bit: fc.integer({ min: 0, max: 7 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record(appendSizes), { minLength: 1, maxLength: 20 }),
      seed,
      fc.constantFrom(300, 3000, 100_000),
      fc.array(flips, { minLength: 1, maxLength: 4 }),
      async (groups, seedNumber, segmentBytes, all) => {
        const random = seededRandom(seedNumber)
        const trial = new DiskLogTrial(new SimulatedDisk(random), random, {
          segmentBytes,
          historyBytes: 0,
        })
        await trial.open()
        const groupOf: number[] = []
        for (const [group, { count, bytes }] of groups.entries()) {
          trial.append(count, bytes)
          for (let index = 0; index < count; index++) groupOf.push(group)
          await trial.commit()
        }
        trial.log.noteState({ version: 1, cursors: {}, refused: {} }, 0)
        await trial.commit()
        await trial.close()
        for (const flip of all) {
          const path = trial.disk.files[flip.file % trial.disk.files.length]!
          const { length } = trial.disk.contentOf(path)
          trial.disk.damage(path, flip.position % length, 1 << flip.bit)
        }

        await trial.open()
        const messages = await readAll(trial.log)

        for (const { offset, payload } of messages) {
          assert.ok(trial.committed[offset]?.equals(payload), `message ${offset} was altered`)
        }
        const found = new Set(messages.map((message) => message.offset))
        const gone = groupOf.filter((_, offset) => !found.has(offset))
        assert.ok(new Set(gone).size <= all.length, `commits ${[...new Set(gone)]} are gone`)
        await trial.close()
      },
    ),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})

test('opening never fails, whatever is in the files', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      seed,
      fc.array(
        fc.record({ file: fc.nat(), content: fc.uint8Array({ maxLength: 200 }), at: fc.nat() }),
        {
          minLength: 1,
          maxLength: 5,
        },
      ),
      async (taken, seedNumber, changes) => {
        const random = seededRandom(seedNumber)
        const trial = new DiskLogTrial(new SimulatedDisk(random), random, {
          segmentBytes: 1000,
          historyBytes: 0,
        })
        await trial.open()
        for (const one of taken) await trial.take(one)
        await trial.commit()
        await trial.close()
        for (const { file, content, at } of changes) {
          const path = trial.disk.files[file % trial.disk.files.length]
          if (path === undefined) continue
          const old = trial.disk.contentOf(path)
          const kept = old.subarray(0, at % (old.length + 1))
          const rest = random() < 0.5 ? old.subarray(kept.length + content.length) : Buffer.alloc(0)
          trial.disk.replace(path, Buffer.concat([kept, content, rest]))
        }

        await trial.open()
        const messages = await readAll(trial.log)
        const count = trial.committed.length
        trial.append(1, 10)
        await trial.commit()

        for (const { offset, payload } of messages) {
          assert.ok(offset >= count || trial.committed[offset]?.equals(payload))
        }
        const after = await readAll(trial.log)
        assert.equal(after.length, messages.length + 1)
        await trial.close()
      },
    ),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})
