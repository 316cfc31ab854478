/** Changes to files are noticed by polling, once they have come to rest. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { FileWatch } from '../../../src/named-files/file-watch.ts'
import { temporaryFile } from '../../support/disk/temporary-file.ts'
import { ManualClock } from '../../support/manual-clock.ts'

async function watched(t: TestContext) {
  const path = await temporaryFile(t, 'watched', 'first')
  const clock = new ManualClock()
  let changes = 0
  const watch = new FileWatch({
    paths: [path],
    clock,
    intervalMs: 1_000,
    onChange: async () => {
      changes += 1
    },
  })
  await watch.start()
  t.after(() => watch.stop())
  /** One interval, until the check in it is complete and the next one is scheduled. */
  const interval = async () => {
    clock.advance(1_000)
    while (clock.pendingCalls === 0) await new Promise(setImmediate)
    return changes
  }
  return { path, watch, clock, interval }
}

test('a change counts when the file has stayed the same for one interval', async (t) => {
  const { path, interval } = await watched(t)

  assert.equal(await interval(), 0)
  await writeFile(path, 'a longer second')
  assert.equal(await interval(), 0)
  await writeFile(path, 'an even longer third')
  assert.equal(await interval(), 0)
  assert.equal(await interval(), 1)
  assert.equal(await interval(), 1)
})

test('a file that is removed has changed', async (t) => {
  const { path, interval } = await watched(t)

  await rm(path)

  assert.equal(await interval(), 0)
  assert.equal(await interval(), 1)
})

test('what was read in between is no change', async (t) => {
  const { path, watch, interval } = await watched(t)

  await writeFile(path, 'a longer second')
  await interval()
  await watch.markSeen()

  assert.equal(await interval(), 0)
  assert.equal(await interval(), 0)
})

test('after stop nothing is looked at', async (t) => {
  const { watch, clock } = await watched(t)

  watch.stop()

  assert.equal(clock.pendingCalls, 0)
})
