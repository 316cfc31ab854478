/**
 * The contract of every log, on any medium. A test file calls `testChannelLog` with a way to open a
 * store; logs that outlive their store have to pass a few more tests.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  appendTexts,
  binaryDraft,
  contentOf,
  draftOf,
  readAll,
  textsOf,
} from '../support/channels/log-drafts.ts'
import { testReopening } from './log-reopening.contract.ts'
import { type LogUnderTest, STATE } from './log-under-test.ts'

export function testChannelLog(under: LogUnderTest): void {
  describe(`${under.name} as a channel log`, () => {
    test('a new log is empty and has an id of eight hexadecimal digits', async (t) => {
      const store = await under.open(t)

      const log = store.create('press_1')

      assert.equal(log.channel, 'press_1')
      assert.match(log.id, /^[0-9a-f]{8}$/)
      assert.deepEqual([log.start, log.committed, log.end], [0, 0, 0])
      assert.deepEqual(await log.read(0, 10, 1000), [])
    })

    test('a volatile log, and no other, can take a message out at once', async (t) => {
      const store = await under.open(t)

      const log = store.create('press_1')
      appendTexts(log, ['a', 'b'])
      await store.commit()

      assert.equal(log.isVolatile, log.remove !== undefined)
      assert.equal(log.isVolatile, under.reopen === undefined)
      if (!log.isVolatile) return
      assert.equal(log.remove?.(0)?.payload.toString(), 'a')
      assert.equal(log.remove?.(0), undefined)
      assert.deepEqual(textsOf(await log.read(0, 10, 1000)), ['b'])
    })

    test('messages can be read after their commit, not before', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')

      appendTexts(log, ['a', 'b'])
      const before = await log.read(0, 10, 1000)
      await store.commit()
      const after = await log.read(0, 10, 1000)

      assert.deepEqual(before, [])
      assert.deepEqual(textsOf(after), ['a', 'b'])
      assert.deepEqual([log.committed, log.end], [2, 2])
    })

    test('what is appended during a commit belongs to the next one', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      appendTexts(log, ['first'])

      const committing = store.commit()
      appendTexts(log, ['second'])
      await committing
      const afterFirst = await readAll(log)
      await store.commit()

      assert.deepEqual(textsOf(afterFirst), ['first'])
      assert.deepEqual(textsOf(await readAll(log)), ['first', 'second'])
    })

    test('a probe stores nothing, and leaves the staged messages to the next commit', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      appendTexts(log, ['first'])

      await store.probe()
      const before = [log.committed, log.end]
      await store.commit()
      await store.probe()

      assert.deepEqual(before, [0, 1])
      assert.deepEqual(textsOf(await readAll(log)), ['first'])
      assert.deepEqual([log.committed, log.end], [1, 1])
    })

    test('a message comes back as it was appended', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
      const reply = { topic: 'answers/7', correlation: Buffer.from([1, 0, 2]) }

      log.append(draftOf('grüße 🌡', { id: 'reading-1', receivedAt: 1_700_000_000_123, reply }))
      log.append(binaryDraft(bytes, { topic: 'größe/x', receivedAt: 1_600_000_000_000 }))
      log.append(draftOf('', { id: '', reply: { topic: 'a', correlation: undefined } }))
      await store.commit()
      const [text, binary, empty] = await log.read(0, 10, 10_000)

      assert.deepEqual(contentOf(text!), {
        offset: 0,
        receivedAt: 1_700_000_000_123,
        topic: 'factory/line-1/temperature',
        senderId: 'reading-1',
        messageId: 'reading-1',
        payload: Buffer.from('grüße 🌡'),
        reply,
      })
      assert.deepEqual(binary?.payload, bytes)
      assert.deepEqual([binary?.topic, binary?.receivedAt], ['größe/x', 1_600_000_000_000])
      assert.deepEqual([empty?.senderId, empty?.payload.length], ['', 0])
      assert.deepEqual(empty?.reply, { topic: 'a', correlation: undefined })
    })

    test('bytes that are handed out packed are those of the id and the payload', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      const plain = ['a', 'reading-1', '~ !', 'x'.repeat(128)]
      const others = ['', '"', 'back\\slash', 'größe', 'x'.repeat(129), '\u007f', 'a\n', undefined]
      for (const id of [...plain, ...others]) log.append(draftOf(`payload of ${id}`, { id }))
      await store.commit()

      for (const { messageId, payload, senderId, packed } of await readAll(log)) {
        if (packed === undefined) continue
        const { bytes, idStart, idEnd, payloadStart, payloadEnd } = packed
        const isPlain = plain.includes(senderId ?? '')
        assert.equal(bytes.toString('utf8', idStart, idEnd), isPlain ? messageId : '')
        assert.deepEqual(bytes.subarray(payloadStart, payloadEnd), payload)
      }
    })

    test('a draft may be filled again after append', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      const draft = binaryDraft(Buffer.from('kept'))

      log.append(draft)
      draft.bytes.fill(0)
      draft.topic = 'other'
      await store.commit()

      const [message] = await log.read(0, 1, 100)
      assert.equal(message?.payload.toString(), 'kept')
      assert.equal(message?.topic, 'factory/line-1/temperature')
    })

    test('an id that does not fit the wire is kept and another is made from log and offset', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      const long = 'x'.repeat(10_000)

      log.append(draftOf('a', { id: long }))
      log.append(draftOf('b', { id: 'mit ü' }))
      log.append(draftOf('c'))
      await store.commit()
      const messages = await log.read(0, 10, 1000)

      assert.deepEqual(
        messages.map((message) => message.senderId),
        [long, 'mit ü', undefined],
      )
      assert.deepEqual(
        messages.map((message) => message.messageId),
        [`${log.id}-0`, `${log.id}-1`, `${log.id}-2`],
      )
    })

    test('a message of the largest size is stored', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      const payload = Buffer.alloc(131_072, 'z')

      for (let count = 0; count < 5; count++) log.append(binaryDraft(payload))
      log.append(draftOf('é'.repeat(65_536)))
      await store.commit()

      const messages = await readAll(log)
      assert.deepEqual(
        messages.map((message) => message.payload.length),
        [131_072, 131_072, 131_072, 131_072, 131_072, 131_072],
      )
      assert.ok(messages[4]?.payload.equals(payload))
    })

    test('a read keeps its bounds, but always gives one message', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      appendTexts(log, ['aaaa', 'bbbb', 'cccc', 'dddd'])
      await store.commit()

      assert.deepEqual(textsOf(await log.read(1, 2, 1000)), ['bbbb', 'cccc'])
      assert.deepEqual(textsOf(await log.read(0, 10, 8)), ['aaaa', 'bbbb'])
      assert.deepEqual(textsOf(await log.read(0, 10, 11)), ['aaaa', 'bbbb'])
      assert.deepEqual(textsOf(await log.read(2, 10, 1)), ['cccc'])
      assert.deepEqual(await log.read(4, 10, 1000), [])
      assert.deepEqual(await log.read(99, 10, 1000), [])
    })

    test('order and offsets are kept over many commits', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      const expected: string[] = []

      for (let round = 0; round < 60; round++) {
        const texts = Array.from({ length: round % 9 }, (_, index) => `${round}/${index}`)
        appendTexts(log, texts)
        expected.push(...texts)
        await store.commit()
      }

      const messages = await readAll(log)
      assert.deepEqual(textsOf(messages), expected)
      assert.deepEqual(
        messages.map((message) => message.offset),
        expected.map((_, offset) => offset),
      )
    })

    test('several readers go through a log at their own pace', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      appendTexts(
        log,
        Array.from({ length: 500 }, (_, index) => `m${index}`),
      )
      await store.commit()

      const [quick, slow] = await Promise.all([readAll(log, 0, 100), readAll(log, 250, 3)])

      assert.deepEqual(textsOf(quick).slice(250), textsOf(slow))
      assert.equal(quick.length, 500)
    })

    test('an offset is found by time, even when the clock went back', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      for (const receivedAt of [1000, 2000, 1500, 3000, 2500]) {
        log.append(draftOf('x', { receivedAt }))
      }
      await store.commit()

      assert.equal(await log.offsetAt(0), 0)
      assert.equal(await log.offsetAt(1001), 1)
      assert.equal(await log.offsetAt(2001), 3)
      assert.equal(await log.offsetAt(3001), 5)
    })

    test('a released log takes new messages and never uses an offset twice', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      appendTexts(log, ['a', 'b'])
      await store.commit()

      log.release(2)
      appendTexts(log, ['c'])
      await store.commit()

      const messages = await log.read(2, 10, 1000)
      assert.deepEqual(
        messages.map((message) => [message.offset, message.payload.toString()]),
        [[2, 'c']],
      )
      assert.ok(log.start <= 2)
    })

    test('buffers of messages stay as they are when the log goes on', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      appendTexts(log, ['held'])
      await store.commit()
      const [held] = await log.read(0, 1, 100)

      log.release(1)
      for (let round = 0; round < 40; round++) {
        appendTexts(
          log,
          Array.from({ length: 20 }, () => 'x'.repeat(1000)),
        )
        await store.commit()
        log.release(log.committed)
      }

      assert.equal(held?.payload.toString(), 'held')
    })

    test('bytes grow with what is appended, and the store counts all logs', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')
      const other = store.create('press_2')
      const before = store.bytes

      log.append(binaryDraft(Buffer.alloc(5000, 'q')))
      other.append(binaryDraft(Buffer.alloc(3000, 'q')))

      assert.ok(log.bytes >= 5000)
      assert.ok(log.memoryBytes >= 5000)
      assert.ok(store.bytes - before >= 8000)
    })

    test('a state that was noted is loaded', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')

      const none = await log.loadState()
      log.noteState(STATE, 0)
      await store.commit()

      assert.equal(none, undefined)
      assert.deepEqual(await log.loadState(), STATE)
    })

    test('one commit covers all logs that have something staged', async (t) => {
      const store = await under.open(t)
      const names = ['press_1', 'press_2', 'press_3']
      const logs = names.map((name) => store.create(name))
      for (const log of logs.slice(1)) appendTexts(log, [`of ${log.channel}`])

      await store.commit()

      assert.deepEqual(
        logs.map((log) => log.committed),
        [0, 1, 1],
      )
      assert.deepEqual(textsOf(await readAll(logs[2]!)), ['of press_3'])
    })

    test('a commit with nothing staged does nothing', async (t) => {
      const store = await under.open(t)
      const log = store.create('press_1')

      await store.commit()

      assert.deepEqual([log.start, log.committed, log.end], [0, 0, 0])
    })

    testReopening(under)
  })
}
