import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentObserver } from '../../../../src/observer.ts'
import { draftOf } from '../../../support/channels/log-drafts.ts'
import { diskStore } from '../../../support/disk/disk-stores.ts'
import { promptClock, SLOT_BYTES } from '../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

test('copies of damaged bytes do not exceed maxBytes when a full directory is opened', async () => {
  const maxBytes = 400_000
  const disk = new SimulatedDisk(seededRandom(8))
  const options = { files: disk, clock: promptClock, slotBytes: SLOT_BYTES, maxBytes }
  const store = diskStore({ ...options, segmentBytes: 40_000 })
  await store.open()
  const log = store.create('press')
  while (store.bytes + 8_000 < maxBytes) {
    log.append(draftOf('x'.repeat(2_000)))
    await store.commit()
  }
  await store.close()
  const newest =
    disk.files
      .filter((path) => path.endsWith('.log'))
      .sort()
      .at(-1) ?? ''
  const { length } = disk.contentOf(newest)
  for (let position = 200; position < length; position += 2_100) disk.damage(newest, position, 255)
  let reports = 0
  const observer = { ...silentObserver, damageFound: () => void reports++ }
  const again = diskStore({ ...options, observer })

  await again.open()

  assert.ok(reports > 0)
  assert.ok(disk.bytes <= maxBytes, `${disk.bytes} bytes`)
  await again.close()
})
