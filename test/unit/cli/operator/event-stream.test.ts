import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventsIn } from '../../../../src/cli/operator/event-stream.ts'

async function eventsOf(...parts: readonly (string | Buffer)[]) {
  const bytes = (async function* () {
    for (const part of parts) yield Buffer.from(part)
  })()
  const events: string[] = []
  for await (const { name, data } of eventsIn(bytes)) events.push(`${name}: ${data}`)
  return events
}

test('events are found however the stream is divided', async () => {
  const stream = Buffer.from(
    'retry: 2000\n\nevent: a\ndata: {"ü":1}\n\n: ping\n\ndata:2\ndata: 3\n\n',
  )
  const bytes = Array.from(stream, (byte) => Buffer.from([byte]))

  assert.deepEqual(await eventsOf(stream), ['a: {"ü":1}', 'message: 2\n3'])
  assert.deepEqual(await eventsOf(...bytes), ['a: {"ü":1}', 'message: 2\n3'])
})

test('lines may end with CR LF, and an unfinished event at the end is no event', async () => {
  assert.deepEqual(await eventsOf('event: a\r\ndata: 1\r\n\r\nevent: b\r\ndata: 2'), ['a: 1'])
})

test('an event without an end is an error and does not fill the memory', async () => {
  const megabyte = 'x'.repeat(1024 * 1024)

  await assert.rejects(eventsOf(...Array.from({ length: 10 }, () => megabyte)), /without an end/)
})
