/**
 * Trials of the set of channels on the disk log. Its disk fails now and then and loses power:
 * writes that were not synced are lost, kept or torn.
 */
import { test } from 'node:test'
import fc from 'fast-check'
import { ChannelTrial, operationsOf, type TrialMedium } from '../support/channels/channel-trial.ts'
import { diskStore, MEBIBYTE } from '../support/disk/disk-stores.ts'
import { SimulatedDisk, seededRandom } from '../support/disk/simulated-disk.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 100)

function onDiskLog(seed: number): TrialMedium {
  let disk = new SimulatedDisk(seededRandom(seed))
  return {
    isDurable: true,
    openStore: (budget, clock) =>
      diskStore({ files: disk, budget, clock, segmentBytes: 400, maxBytes: 4 * MEBIBYTE }),
    setFailing(fails) {
      disk.fail = (operation) => {
        return fails && (operation === 'write' || operation === 'sync') ? 'ENOSPC' : undefined
      }
    },
    crash() {
      disk.powerLostAt = disk.calls
      disk = disk.afterPowerLoss()
    },
  }
}

for (const dropBehavior of ['DROP_NEWEST', 'DROP_OLDEST'] as const) {
  for (const cursors of [1, 2]) {
    const how = `${dropBehavior}, ${cursors === 1 ? 'one cursor' : 'two cursors'}`

    test(`on a disk that fails and loses power, ${how}: no message is lost silently`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(), operationsOf, async (seed, operations) => {
          const trial = new ChannelTrial({ medium: onDiskLog(seed), cursors, dropBehavior })
          await trial.run(operations)
        }),
        { numRuns: RUNS },
      )
    })
  }
}
