/** Records of MQTT sessions are in the journal, in a log like those of channels. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CutTail, silentObserver } from '../../../../../src/observer.ts'
import { binaryDraft, readAll } from '../../../../support/channels/log-drafts.ts'
import { journalStore, SLOT_BYTES, slotFiles } from '../../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../../support/disk/simulated-disk.ts'

const SESSIONS = '__sessions'

function opened(disk: SimulatedDisk) {
  const damage: string[] = []
  const cut: CutTail[] = []
  const observer = {
    ...silentObserver,
    damageFound: (channel: string, what: string) => void damage.push(`${channel}: ${what}`),
    tailCut: (_channel: string, tail: CutTail) => void cut.push(tail),
  }
  return { store: journalStore(disk, { slotBytes: SLOT_BYTES + 4096, observer }), damage, cut }
}

/** Two of the commits fill a slot. */
async function written(count: number): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(1))
  const { store } = opened(disk)
  await store.open()
  const sessions = store.create(SESSIONS)
  const channel = store.create('press')
  for (let index = 0; index < count; index++) {
    sessions.append(binaryDraft(Buffer.alloc(4_000, index + 1)))
    channel.append(binaryDraft(Buffer.alloc(100, index + 1)))
    await store.commit()
  }
  return disk
}

function slotWith(disk: SimulatedDisk, fill: number): string {
  const records = Buffer.alloc(3_900, fill)
  return slotFiles(disk).find((path) => disk.contentOf(path).includes(records)) ?? ''
}

for (const { what, damage } of [
  { what: 'removed', damage: (disk: SimulatedDisk, path: string) => disk.lose(path) },
  {
    what: 'emptied',
    damage: (disk: SimulatedDisk, path: string) => disk.replace(path, Buffer.alloc(0)),
  },
  {
    what: 'truncated',
    damage: (disk: SimulatedDisk, path: string) =>
      disk.replace(path, disk.contentOf(path).subarray(0, 6_000)),
  },
]) {
  test(`a file of the journal with session records that was ${what} is reported, and names the sessions’ log`, async () => {
    const disk = await written(3)
    damage(disk, slotWith(disk, 1))

    const { store, damage: reports } = opened(disk)
    const sessions = (await store.open()).find(({ channel }) => channel === SESSIONS)
    const kept = sessions === undefined ? [] : await readAll(sessions)

    assert.ok(
      reports.some((report) => report.startsWith(`${SESSIONS}: `)),
      reports.join('\n'),
    )
    assert.equal(kept.at(-1)?.payload[0], 3)
    assert.ok([...(sessions?.damaged ?? [])].length > 0)
    await store.close()
  })
}

test('a last write with session records that was torn by a power cut is neither damage nor loss', async () => {
  for (let cutAt = 0; cutAt < 4; cutAt++) {
    const disk = await written(2)
    const first = opened(disk)
    const logs = await first.store.open()
    for (const log of logs) log.append(binaryDraft(Buffer.alloc(4_000, 9)))
    disk.powerLostAt = disk.calls + cutAt
    await first.store.commit().catch(() => undefined)
    const { store, damage } = opened(disk.afterPowerLoss())

    const sessions = (await store.open()).find(({ channel }) => channel === SESSIONS)
    const found = sessions === undefined ? [] : await readAll(sessions)

    assert.deepEqual(damage, [])
    assert.deepEqual(
      found.slice(0, 2).map(({ payload }) => payload[0]),
      [1, 2],
    )
  }
})
