import assert from 'node:assert/strict'
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspectDirectory } from '../../../../src/channels/disk/doctor/inspect.ts'
import { repairDirectory } from '../../../../src/channels/disk/doctor/repair.ts'
import { systemClock } from '../../../../src/clock.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { draftOf, readAll, textsOf } from '../../../support/channels/log-drafts.ts'
import { diskStore, temporaryDirectory } from '../../../support/disk/disk-stores.ts'

/** A stopped directory with two channels, and the file of somebody else beside it. */
async function stopped(t: TestContext) {
  const parent = await temporaryDirectory(t)
  const directory = join(parent, 'data')
  const store = diskStore({ directory, slotBytes: 20_480 })
  await store.open()
  for (const channel of ['press_1', 'press_2']) store.create(channel).append(draftOf(channel))
  await store.commit()
  await store.close()
  const mine = join(parent, 'mine')
  await writeFile(mine, 'mine')
  return { parent, directory, mine, channel: join(directory, 'channels', 'press_1') }
}

test('links in the place of files are renamed and reported, and what they lead to stays as it is', async (t) => {
  const { directory, mine, channel } = await stopped(t)
  const [segment = ''] = (await readdir(channel)).filter((name) => name.endsWith('.log'))
  for (const name of [segment, 'cursors']) {
    await rename(join(channel, name), join(channel, `moved-${name}`))
    await symlink(mine, join(channel, name))
  }
  await symlink(mine, join(directory, 'journal', '77.jnl'))
  const reports: string[] = []
  const observer = {
    ...silentObserver,
    damageFound: (name: string, what: string) => void reports.push(`${name}: ${what}`),
  }
  const store = diskStore({ directory, slotBytes: 20_480, observer })

  const logs = await store.open()
  const other = logs.find((log) => log.channel === 'press_2')
  const found = other === undefined ? [] : textsOf(await readAll(other))
  const damaged = logs.find((log) => log.channel === 'press_1') ?? store.create('press_1')
  damaged.append(draftOf('after'))
  await store.commit()
  await store.close()

  assert.deepEqual(found, ['press_2'])
  assert.equal(await readFile(mine, 'utf8'), 'mine')
  for (const name of [segment, 'cursors', '77.jnl']) {
    const report = new RegExp(`${name} was a symbolic link .*; it is now ${name}\\.set-aside`)
    assert.ok(
      reports.some((one) => report.test(one)),
      `${name} in ${reports.join('\n')}`,
    )
  }
})

test('doctor names a link in the place of a file, and --repair renames it', async (t) => {
  const { directory, mine, channel } = await stopped(t)
  await symlink(mine, join(channel, '0000000000000099.idx'))
  const findings = async () =>
    (await inspectDirectory(directory)).channels.flatMap((one) =>
      one.findings.map(({ kind, file }) => `${kind} ${file}`),
    )

  const before = await findings()
  const repairs = await repairDirectory({ directory, clock: systemClock })

  assert.deepEqual(before, ['NotAFile 0000000000000099.idx'])
  assert.deepEqual(
    repairs.map(({ done }) => done),
    ['Renamed it.'],
  )
  assert.deepEqual(await findings(), [])
})

test('a link in the place of a directory stops the start, with its path; the data directory may be one', async (t) => {
  const { parent, directory, channel } = await stopped(t)
  const linked = join(parent, 'linked')
  await symlink(directory, linked)
  const throughLink = diskStore({ directory: linked, slotBytes: 20_480 })
  assert.equal((await throughLink.open()).length, 2)
  await throughLink.close()

  for (const path of [join(directory, 'journal'), channel]) {
    await rename(path, join(parent, 'elsewhere'))
    await symlink(join(parent, 'elsewhere'), path)
    await assert.rejects(diskStore({ directory, slotBytes: 20_480 }).open(), {
      code: 'StorageFailed',
      message: new RegExp(`^expected a directory at ${path}, but it is a symbolic link`),
    })
    await rename(path, join(parent, 'link'))
    await rename(join(parent, 'elsewhere'), path)
  }
})

for (const name of ['journal', 'channels']) {
  test(`a file in the place of ${name} stops the start with a sentence that says what to do, and nothing is changed`, async (t) => {
    const { directory } = await stopped(t)
    const path = join(directory, name)
    await rename(path, `${path}.moved`)
    await writeFile(path, 'not a directory')
    const before = await readdir(directory)

    await assert.rejects(diskStore({ directory, slotBytes: 20_480 }).open(), {
      code: 'StorageFailed',
      message: `${path} is not a directory; move it away, and put the directory back if it was moved: it has the messages that wait`,
    })

    assert.deepEqual(await readdir(directory), before)
    await rename(path, `${path}.file`)
    await rename(`${path}.moved`, path)
    const store = diskStore({ directory, slotBytes: 20_480 })
    assert.equal((await store.open()).length, 2)
    await store.close()
  })
}

test('a file in the place of quarantine is reported, and the connector starts without it', async (t) => {
  const { directory, channel } = await stopped(t)
  const [segment = ''] = (await readdir(channel)).filter((name) => name.endsWith('.log'))
  await truncate(join(channel, segment), 60)
  await writeFile(join(directory, 'quarantine'), 'not a directory')
  const reports: string[] = []
  const observer = {
    ...silentObserver,
    damageFound: (name: string, what: string) => void reports.push(`${name}: ${what}`),
  }
  const store = diskStore({ directory, slotBytes: 20_480, observer })

  const logs = await store.open()
  const other = logs.find((log) => log.channel === 'press_2')
  const found = other === undefined ? [] : textsOf(await readAll(other))
  await store.close()
  const { quarantinedFiles } = await inspectDirectory(directory)

  assert.deepEqual(found, ['press_2'])
  assert.match(reports[0] ?? '', /^__journal: .*\/quarantine can't be used, so copies .* not kept/)
  assert.ok(reports.some((report) => report.startsWith('press_1: ')))
  assert.equal(quarantinedFiles, 0)
  assert.equal(await readFile(join(directory, 'quarantine'), 'utf8'), 'not a directory')
})

test('everything below the data directory is for its owner alone', async (t) => {
  const umask = process.umask(0)
  t.after(() => process.umask(umask))
  const { directory } = await stopped(t)
  const store = diskStore({ directory, slotBytes: 20_480 })
  await store.open()

  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const open: string[] = []
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isSocket() && ((await lstat(path)).mode & 0o077) !== 0) open.push(path)
  }
  await store.close()

  assert.deepEqual(open, [])
  assert.equal((await lstat(directory)).mode & 0o777, 0o700)
})

test('directories in the place of files are renamed, and the others are used as before', async (t) => {
  const { directory, channel } = await stopped(t)
  await rename(join(channel, 'cursors'), join(channel, 'moved'))
  for (const path of [join(channel, 'cursors'), join(channel, 'cursors.tmp')]) await mkdir(path)
  await mkdir(join(directory, 'journal', '77.jnl'))
  const store = diskStore({ directory, slotBytes: 20_480 })

  const count = (await store.open()).length
  await store.close()

  assert.equal(count, 2)
  assert.ok((await readdir(channel)).includes('cursors.set-aside'))
})

test('files of two gigabytes in the place of small ones are not read as a whole', async (t) => {
  const { directory, channel } = await stopped(t)
  const large = 2 ** 31
  await truncate(join(channel, 'cursors'), large)
  const [segment = ''] = (await readdir(channel)).filter((name) => name.endsWith('.log'))
  await writeFile(join(channel, segment.replace('log', 'idx')), '')
  await truncate(join(channel, segment.replace('log', 'idx')), large)
  await writeFile(join(directory, 'journal', '77.jnl'), '')
  await truncate(join(directory, 'journal', '77.jnl'), large)
  const before = process.memoryUsage().rss
  const startMs = performance.now()

  await inspectDirectory(directory)
  const store = diskStore({ directory, slotBytes: 20_480, maxBytes: 2 ** 40 })
  const logs = await store.open()
  const found = await Promise.all(logs.map((log) => readAll(log)))
  await store.close()

  assert.deepEqual(found.flatMap(textsOf).sort(), ['press_1', 'press_2'])
  assert.ok(performance.now() - startMs < 2_000)
  assert.ok(process.memoryUsage().rss - before < 150_000_000)
})
