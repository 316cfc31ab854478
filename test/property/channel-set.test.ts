/**
 * Trials of the set of channels: in memory, and on a fake disk that fails and crashes, is slow and
 * has little room.
 */
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryLogStore } from '../../src/channels/log/memory-log-store.ts'
import { ChannelTrial, operationsOf, type TrialMedium } from '../support/channels/channel-trial.ts'
import { FakeDisk, FakeLogStore } from '../support/disk/fake-log-store.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 100)
/** About the size of one message of a trial. */
const MESSAGE_BYTES = 180

function inMemory(): TrialMedium {
  return {
    isDurable: false,
    openStore: (budget) => new MemoryLogStore({ budget }),
    setFailing() {},
    crash() {},
  }
}

function onFakeDisk(): TrialMedium {
  const disk = new FakeDisk({ segmentMessages: 3, isSlow: true, maxBytes: 25 * MESSAGE_BYTES })
  return {
    isDurable: true,
    openStore: () => new FakeLogStore(disk),
    setFailing(fails) {
      disk.failure = fails ? 'ENOSPC' : undefined
    },
    crash: () => disk.crash(),
  }
}

for (const [where, newMedium] of [
  ['in memory', inMemory],
  ['on a disk that fails and crashes', onFakeDisk],
] as const) {
  for (const dropBehavior of ['DROP_NEWEST', 'DROP_OLDEST'] as const) {
    for (const cursors of [1, 2]) {
      const how = `${where}, ${dropBehavior}, ${cursors === 1 ? 'one cursor' : 'two cursors'}`

      test(`${how}: no message is lost silently`, async () => {
        await fc.assert(
          fc.asyncProperty(operationsOf, async (operations) => {
            await new ChannelTrial({ medium: newMedium(), cursors, dropBehavior }).run(operations)
          }),
          { numRuns: RUNS },
        )
      })
    }
  }
}
