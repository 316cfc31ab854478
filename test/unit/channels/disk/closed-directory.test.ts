/** A channel's directory that the connector's user may not read: a real one, without root's rights. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, chown, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ChannelLog } from '../../../../src/channels/log/channel-log.ts'
import { systemClock } from '../../../../src/clock.ts'
import { draftOf, readAll, textsOf } from '../../../support/channels/log-drafts.ts'
import { diskStore, temporaryDirectory } from '../../../support/disk/disk-stores.ts'
import { SLOT_BYTES } from '../../../support/disk/journal-trial.ts'

const NOBODY = 65_534

async function stopped(t: TestContext): Promise<string> {
  const directory = await temporaryDirectory(t)
  const store = diskStore({ directory, slotBytes: SLOT_BYTES })
  await store.open()
  for (const channel of ['press_1', 'press_2']) store.create(channel).append(draftOf(channel))
  await store.commit()
  await store.close()
  return directory
}

/** Root may read everything, so the test goes on as another user. */
async function withoutRoot(t: TestContext, directory: string): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const entries = await readdir(directory, { recursive: true })
  for (const entry of ['.', ...entries]) await chown(join(directory, entry), NOBODY, NOBODY)
  process.seteuid?.(NOBODY)
  t.after(() => process.seteuid?.(0))
}

test('a channel whose directory may not be listed is set aside at the start, and opened once it may be', async (t) => {
  const directory = await stopped(t)
  const closed = join(directory, 'channels', 'press_1')
  await withoutRoot(t, directory)
  await chmod(closed, 0)
  const time = { ms: 0 }
  const clock = { ...systemClock, monotonic: () => time.ms }
  const store = diskStore({ directory, slotBytes: SLOT_BYTES, clock })
  const reopened: ChannelLog[] = []
  store.onReopened = (log) => void reopened.push(log)

  const names = (await store.open()).map(({ channel }) => channel)
  const [fault] = store.faults
  await chmod(closed, 0o700)
  time.ms = 5_000
  await store.retryFaults()
  const found = await Promise.all(reopened.map((log) => readAll(log)))
  await store.close()

  assert.deepEqual(names, ['press_2'])
  assert.match(fault?.refusal.message ?? '', /^Channel press_1 is set aside, .*EACCES/)
  assert.deepEqual(found.map(textsOf), [['press_1']])
})

test('a link in a channel’s directory that can’t be renamed keeps no channel from starting', async (t) => {
  const directory = await stopped(t)
  const channel = join(directory, 'channels', 'press_1')
  await symlink('/etc/hostname', join(channel, '0000000000000099.log'))
  try {
    execFileSync('chattr', ['+i', channel], { stdio: 'ignore' })
  } catch {
    return t.skip('directories can’t be made immutable here')
  }
  const store = diskStore({ directory, slotBytes: SLOT_BYTES })
  try {
    const logs = await store.open()
    const found = await Promise.all(logs.map((log) => readAll(log)))

    assert.deepEqual(found.flatMap(textsOf).sort(), ['press_1', 'press_2'])
  } finally {
    await store.close()
    execFileSync('chattr', ['-i', channel], { stdio: 'ignore' })
  }
})
