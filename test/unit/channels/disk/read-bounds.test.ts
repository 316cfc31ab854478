/** How much of the process's memory the messages of one read keep alive. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draftOf, readAll } from '../../../support/channels/log-drafts.ts'
import { MEBIBYTE } from '../../../support/disk/disk-stores.ts'
import { journalStore } from '../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

const MESSAGES = 60

test('messages that are small but for their ids are read in parts, without a gap', async () => {
  const store = journalStore(new SimulatedDisk(seededRandom(1)), { slotBytes: 4 * MEBIBYTE })
  await store.open()
  const log = store.create('press')
  for (let index = 0; index < MESSAGES; index++) {
    log.append(draftOf('x', { id: `${index} `.padEnd(100_000, 'i') }))
    await store.commit()
  }

  const some = await log.read(0, MESSAGES, MEBIBYTE)
  const all = await readAll(log, 0, MESSAGES)
  await store.close()

  // Twice the bytes that payloads may have, and a mebibyte.
  assert.equal(some.length, Math.floor((3 * MEBIBYTE) / 100_300))
  assert.deepEqual(
    all.map(({ senderId }) => Number.parseInt(senderId ?? '', 10)),
    Array.from({ length: MESSAGES }, (_, index) => index),
  )
})

test('a read of a great number of tiny messages gives no more of them than their objects may take', async () => {
  const store = journalStore(new SimulatedDisk(seededRandom(2)), { slotBytes: 4 * MEBIBYTE })
  await store.open()
  const log = store.create('press')
  for (let index = 0; index < 20_000; index++) log.append(draftOf('x'))
  await store.commit()

  const some = await log.read(0, 20_000, 100_000)
  const few = await log.read(0, 4_000, 100_000)
  await store.close()

  assert.ok(some.length > 4_000 && some.length < 5_000, `${some.length} messages`)
  assert.equal(few.length, 4_000)
})
