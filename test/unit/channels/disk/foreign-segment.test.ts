/** A file of one channel was copied over a file of another, by a person or a file system check. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentObserver } from '../../../../src/observer.ts'
import { draftOf, readAll, textsOf } from '../../../support/channels/log-drafts.ts'
import { diskStore } from '../../../support/disk/disk-stores.ts'
import { promptClock, SLOT_BYTES } from '../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

const MESSAGES = 40

async function stoppedWithTwo(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(5))
  const options = { files: disk, clock: promptClock, slotBytes: SLOT_BYTES, segmentBytes: 4_000 }
  const store = diskStore(options)
  await store.open()
  const logs = ['a', 'b'].map((name) => store.create(name))
  for (let index = 0; index < MESSAGES; index++) {
    for (const log of logs) log.append(draftOf(`${log.channel} ${index} ${'x'.repeat(500)}`))
    await store.commit()
  }
  await store.close()
  return disk
}

function segmentsOf(disk: SimulatedDisk, channel: string): string[] {
  return disk.files
    .filter((path) => path.startsWith(`/data/channels/${channel}/`) && path.endsWith('.log'))
    .sort()
}

for (const { what, withState, newest } of [
  { what: 'the oldest segment', withState: true, newest: false },
  { what: 'the newest segment', withState: true, newest: true },
  { what: 'the oldest segment, and the state is lost,', withState: false, newest: false },
  { what: 'the newest segment, and the state is lost,', withState: false, newest: true },
]) {
  test(`if a segment of another channel is in the place of ${what} the channel keeps its own messages and shows no others`, async () => {
    const disk = await stoppedWithTwo()
    const place = newest ? -1 : 0
    const foreign = segmentsOf(disk, 'a').at(place) ?? ''
    const own = segmentsOf(disk, 'b')
    const replaced = own.at(place) ?? ''
    const lost = newest
      ? MESSAGES - Number(/(\d+)\.log$/.exec(replaced)?.[1])
      : Number(/(\d+)\.log$/.exec(own[1] ?? '')?.[1])
    disk.replace(replaced, disk.contentOf(foreign))
    if (!withState) {
      for (const path of disk.files) {
        if (path === '/data/channels/b/cursors' || path.endsWith('.jnl')) disk.lose(path)
      }
    }
    const damage: string[] = []
    const store = diskStore({
      files: disk,
      clock: promptClock,
      slotBytes: SLOT_BYTES,
      observer: { ...silentObserver, damageFound: (channel: string) => void damage.push(channel) },
    })

    const log = (await store.open()).find(({ channel }) => channel === 'b')
    const texts = log === undefined ? [] : textsOf(await readAll(log))
    await store.close()

    assert.ok(own.length > 3, `${own.length} segments`)
    assert.deepEqual(
      texts.filter((text) => !text.startsWith('b ')),
      [],
    )
    assert.equal(texts.length, MESSAGES - lost)
    assert.ok(damage.includes('b'))
    assert.ok(disk.files.some((path) => path.startsWith('/data/quarantine/b-')))
  })
}
