/** Lines of messages are JSON that is safe to print. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageLine } from '../../../src/http/views/message-line.ts'

test('a line of JSON has no character that steers a terminal, and keeps every value', () => {
  const text = 'a\u001b[2J\u009b31m\u202eb'
  const line = messageLine({
    offset: 0,
    receivedAt: 0,
    topic: text,
    senderId: text,
    messageId: 'a-0',
    payload: Buffer.from(text),
    reply: undefined,
  })

  assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\p{Cf}]/u)
  const { topic, id, payload } = JSON.parse(line)
  assert.deepEqual([topic, id, payload], [text, text, text])
})
