/** The contract of logs that outlive their store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelLog } from '../../src/channels/log/channel-log.ts'
import { appendTexts, readAll, textsOf } from '../support/channels/log-drafts.ts'
import { type LogUnderTest, STATE } from './log-under-test.ts'

export function testReopening(under: LogUnderTest): void {
  const { reopen } = under
  if (reopen === undefined) return

  test('committed messages, id and state are there after the store is closed and opened', async (t) => {
    const store = await under.open(t)
    const log = store.create('press_1')
    appendTexts(log, ['a', 'b', 'c'])
    log.noteState(STATE, 0)
    await store.commit()
    appendTexts(log, ['never committed'])
    await store.close()

    const { logs } = await reopen(t, store)

    const [found] = logs
    assert.ok(found)
    assert.equal(found.channel, 'press_1')
    assert.equal(found.id, log.id)
    assert.deepEqual(textsOf(await found.read(0, 10, 1000)), ['a', 'b', 'c'])
    assert.deepEqual(await found.loadState(), STATE)
  })

  test('a log continues at its old offset after opening', async (t) => {
    let store = await under.open(t)
    let log: ChannelLog | undefined = store.create('press_1')

    for (const text of ['a', 'b', 'c', 'd']) {
      assert.ok(log)
      appendTexts(log, [text])
      await store.commit()
      await store.close()
      const again = await reopen(t, store)
      store = again.store
      log = again.logs[0]
    }

    assert.ok(log)
    assert.deepEqual(textsOf(await readAll(log)), ['a', 'b', 'c', 'd'])
  })
}
