import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type DeadLetter,
  deadLetterDraft,
  readDeadLetter,
} from '../../../../src/channels/dead-letters/dead-letter-record.ts'
import type { Message } from '../../../../src/message.ts'

const LETTER: DeadLetter = {
  channel: 'c',
  destination: 'cloud',
  refusal: { error: 'ResourceNotFoundException', message: 'no such channel' },
  topic: 'iotanalytics/channels/c/messages/put',
  receivedAt: 1_600_000_000_000,
  senderId: 'a',
  messageId: 'a',
  payload: Buffer.from([0, 255, 7]),
}
const HEADER =
  '{"channel":"c","reader":"cloud","refusal":{"error":"ResourceNotFoundException","message":"no such channel"},"receivedAt":1600000000000,"messageId":"a"}'

function messageWith(payload: Buffer): Message {
  return {
    offset: 3,
    receivedAt: 1_700_000_000_000,
    topic: LETTER.topic,
    senderId: 'a',
    messageId: 'a',
    payload,
    reply: undefined,
  }
}

function recordOf(header: string, payload = LETTER.payload): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(header))
  return Buffer.concat([length, Buffer.from(header), payload])
}

test('a dead letter is written as its header’s length, its header in JSON and its payload', () => {
  const draft = deadLetterDraft(LETTER, 1_700_000_000_000)

  assert.deepEqual(draft.bytes, recordOf(HEADER))
  assert.deepEqual(
    [draft.topic, draft.id, draft.receivedAt],
    [LETTER.topic, 'a', 1_700_000_000_000],
  )
  assert.deepEqual([draft.start, draft.end], [0, draft.bytes.length])
})

test('a dead letter that is read back has its offset and the time it was kept', () => {
  const found = readDeadLetter(messageWith(recordOf(HEADER)))

  assert.deepEqual(found, { ...LETTER, offset: 3, keptAt: 1_700_000_000_000 })
})

test('a dead letter that routing refused names no destination', () => {
  const draft = deadLetterDraft({ ...LETTER, destination: undefined }, 0)

  assert.equal(readDeadLetter(messageWith(draft.bytes))?.destination, undefined)
})

test('a record that is no dead letter is passed over', () => {
  for (const payload of [Buffer.alloc(0), recordOf('no JSON'), recordOf('{"channel":"c"}')]) {
    assert.equal(readDeadLetter(messageWith(payload)), undefined)
  }
})

test('a header of a wrong shape is passed over, whatever its JSON is', () => {
  const right = JSON.parse(HEADER)
  const wrong = [
    ...['null', '7', '[]', '"x"', '{}'],
    ...['channel', 'refusal', 'receivedAt', 'reader', 'messageId'].flatMap((field) =>
      [null, {}, [], 1e300, { error: 1, message: 2 }].map((value) =>
        JSON.stringify({ ...right, [field]: value }),
      ),
    ),
  ]
  const beyond = recordOf(HEADER)
  beyond.writeUInt32BE(2 ** 31, 0)

  for (const payload of [...wrong.map((header) => recordOf(header)), beyond]) {
    assert.equal(readDeadLetter(messageWith(payload)), undefined, payload.toString())
  }
})

test('no bytes make reading a dead letter fail', () => {
  fc.assert(
    fc.property(fc.json(), fc.uint8Array({ maxLength: 60 }), (json, noise) => {
      readDeadLetter(messageWith(recordOf(json)))
      readDeadLetter(messageWith(Buffer.from(noise)))
    }),
  )
})
