/** History with a gap, because another channel still needs an older slot. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelLog } from '../../../../../src/channels/log/channel-log.ts'
import { binaryDraft } from '../../../../support/channels/log-drafts.ts'
import { journalStore } from '../../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../../support/disk/simulated-disk.ts'

/** Reads one message after the other, so that each read begins inside a window that is held. */
async function readOn(log: ChannelLog): Promise<number[]> {
  const offsets: number[] = []
  for (let at = log.start; at < log.committed; ) {
    const [message] = await log.read(at, 1, 1)
    if (message === undefined) return offsets
    offsets.push(message.offset)
    at = message.offset + 1
  }
  return offsets
}

// A read that makes no progress lets no timer run, so a failure is a test file that never ends.
test('reading a log from its start ends while an older slot is kept for another log', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  const store = journalStore(disk)
  await store.open()
  const stuck = store.create('stuck')
  const log = store.create('press_1')
  stuck.append(binaryDraft(Buffer.alloc(1_000)))

  for (let round = 0; round < 30; round++) {
    log.append(binaryDraft(Buffer.alloc(5_000, round)))
    await store.commit()
    log.release(log.committed)
    await store.commit()

    const offsets = await readOn(log)
    assert.deepEqual(
      offsets,
      offsets.map((_, index) => log.committed - offsets.length + index),
    )
  }
})
