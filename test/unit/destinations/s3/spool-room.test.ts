/** How much of the disk spool files use, and what happens when it is full. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../../../src/clock.ts'
import { S3Destination } from '../../../../src/destinations/s3/destination.ts'
import { SpoolFile } from '../../../../src/destinations/s3/files/spool-file.ts'
import { SpoolRoom } from '../../../../src/destinations/s3/files/spool-room.ts'
import { s3Options } from '../../../../src/destinations/s3/options.ts'
import type { Notice } from '../../../../src/observer.ts'
import { makeMessage } from '../../../support/channels/batch-maker.ts'
import { SmallFileSystem } from '../../../support/disk/small-file-system.ts'

const MIB = 1024 * 1024

function roomOf(maxBytes: number, free = 1024 * MIB) {
  const grown: number[] = []
  const room = new SpoolRoom({
    directory: '/data/spool',
    maxBytes,
    onGrown: (bytes) => grown.push(bytes),
    freeBytes: () => Promise.resolve(free),
  })
  return { room, grown }
}

test('what spool files use is reported, and nothing is left when they are removed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'room-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { room, grown } = roomOf(MIB)
  const file = await SpoolFile.create(folder, 'one', room)
  await file.append(Buffer.alloc(1_000))
  await file.append(Buffer.alloc(500))
  await file.remove()
  await file.remove()
  assert.deepEqual(grown, [1_000, 500, -1_500])
})

test('when spool files have reached their limit, the oldest goes on and the others wait', async () => {
  const { room } = roomOf(10 * MIB)
  const [oldest, younger, youngest] = [{}, {}, {}]
  room.grown(oldest, 8 * MIB)
  await room.check(younger)
  room.grown(younger, 4 * MIB)

  await room.check(oldest)
  for (const file of [younger, youngest]) {
    await assert.rejects(room.check(file), {
      code: 'StorageFailed',
      message: /"spoolBytes" \(10MiB\)/,
    })
  }
  room.removed(oldest)
  await room.check(younger)
  await room.check(youngest)
})

test('the last of the disk is left to the log', async () => {
  const file = {}
  await roomOf(MIB, 16 * MIB).room.check(file)
  await assert.rejects(roomOf(MIB, 16 * MIB - 1).room.check(file), {
    code: 'StorageFailed',
    message: /has 15MiB left, and the last 16MiB are for the log/,
  })
})

test('a disk with less room than spool files may use is noticed at the start', async () => {
  assert.equal(await roomOf(100 * MIB, 116 * MIB).room.shortage(), undefined)
  const text = await roomOf(100 * MIB, 115 * MIB).room.shortage()
  assert.match(text ?? '', /has 115MiB left.*may use 100MiB.*lower "spoolBytes"/)
})

async function destinationOn(t: TestContext, spoolDirectory: string) {
  const notices: Notice[] = []
  let bytes = 0
  const destination = new S3Destination({
    name: 's3',
    place: 'destinations[0].s3',
    options: s3Options.parse({
      bucket: 'nowhere',
      region: 'eu-west-1',
      endpoint: 'http://127.0.0.1:9',
      credentials: { anonymous: true },
    }),
    connectorId: 'site-1',
    batch: {},
    spoolDirectory,
    clock: systemClock,
    random: () => 0,
    reports: {
      noticed: (_channel, notice) => notices.push(notice),
      spoolGrew: (grown) => {
        bytes += grown
      },
    },
  })
  await destination.open()
  t.after(() => destination.close())
  return { destination, notices, bytes: () => bytes }
}

const random = (offset: number) =>
  makeMessage(offset, {
    receivedAt: Date.UTC(2026, 10, 29),
    payload: Buffer.from(Array.from({ length: 4_096 }, (_, i) => (offset * 31 + i * i * 7) & 255)),
  })

test('a spool never fills the disk: collecting stops before, says so, and goes on when there is room', {
  skip: SmallFileSystem.obstacle(),
}, async (t) => {
  const disk = await SmallFileSystem.mount(24 * MIB)
  t.after(() => disk.unmount())
  const { destination, notices, bytes } = await destinationOn(t, join(disk.directory, 'spool'))
  assert.deepEqual(
    notices.map(({ code }) => code),
    ['SpoolRoom'],
  )
  const ballast = disk.fillUp(9 * MIB)
  assert.ok(ballast > 0)
  const spool = await destination.spool('pumps', '0a1b2c3d')
  assert.ok(spool.take(random(0)))
  await assert.rejects(spool.flush(), { code: 'StorageFailed', effect: 'retry' })
  await spool.discard()
  assert.equal(bytes(), 0)
  assert.deepEqual(readdirSync(join(disk.directory, 'spool')), [])

  disk.makeRoom()
  const again = await destination.spool('pumps', '0a1b2c3d')
  for (let offset = 0; offset < 1_000; offset++) assert.ok(again.take(random(offset)))
  await again.flush()
  assert.ok(bytes() > 0)
  await again.discard()
  assert.equal(bytes(), 0)
})
