import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foundMessages } from '../../../../src/http/api/shapes/messages.ts'
import { jsonOf, serve } from '../../../support/http/served-view.ts'

async function search(url: string, query: Record<string, string>) {
  const parameters = new URLSearchParams(query)
  const response = await fetch(`${url}/api/v1/channels/pumps/search?${parameters}`)
  assert.equal(response.status, 200)
  return foundMessages.parse(await jsonOf(response))
}

test('a search finds a text in payload, topic and ids, in upper or lower case', async (t) => {
  const { view, url } = await serve(t)
  view.add('{"state":"OverHeat"}', 'Req-7')
  view.add(Buffer.from([0xff, 0x00, 0x41, 0x62]))
  view.add('{"state":"ok"}')
  const offsets = async (text: string) =>
    (await search(url, { text })).messages.map(({ offset }) => offset)

  assert.deepEqual(await offsets('overheat'), [0])
  assert.deepEqual(await offsets('REQ-7'), [0])
  assert.deepEqual(await offsets('log-2'), [2])
  assert.deepEqual(await offsets('ab'), [1])
  assert.deepEqual(await offsets('channels/pumps'), [0, 1, 2])
  assert.deepEqual(await offsets('.*'), [])
})

test('a search says where it began, how far it got, and when it is complete', async (t) => {
  const { view, url } = await serve(t)
  for (let n = 0; n < 5; n++) view.add(`m${n % 2}`)

  const first = await search(url, { text: 'm1', limit: '1' })
  const second = await search(url, { text: 'm1', from: String(first.next) })
  const late = await search(url, { text: 'm1', from: '2026-01-01T00:00:04Z' })
  const none = await search(url, { text: 'm1', from: 'now' })

  assert.deepEqual([first.from, first.next, first.end, first.looked], [0, 2, 5, 2])
  assert.equal(first.lookedUntil, '2026-01-01T00:00:01.000Z')
  assert.deepEqual([second.from, second.next, second.messages.length], [2, 5, 1])
  assert.deepEqual([late.from, late.next, late.messages.length], [4, 5, 0])
  assert.deepEqual([none.from, none.next, none.end, none.lookedUntil], [5, 5, 5, null])
})

test('a request looks at a bounded part of the log, and a chain of them at all of it', async (t) => {
  const { view, url } = await serve(t)
  for (let n = 0; n < 40; n++) view.add('x'.repeat(1024 * 1024))
  view.add('needle')
  let requests = 0
  let last = await search(url, { text: 'needle' })
  while (last.next < last.end) {
    requests += 1
    assert.ok(last.looked <= 16)
    last = await search(url, { text: 'needle', from: String(last.next) })
  }

  assert.equal(requests, 2)
  assert.deepEqual(
    last.messages.map(({ offset }) => offset),
    [40],
  )
})

test('large payloads are found by their whole content and shown by their start', async (t) => {
  const { view, url } = await serve(t)
  view.add(`${'x'.repeat(100_000)}needle`)

  const { messages } = await search(url, { text: 'needle' })

  assert.equal(messages[0]?.payload?.length, 2_048)
  assert.equal(messages[0]?.cutFromBytes, 100_006)
})

test('a search without a text, or in no channel, says what is expected', async (t) => {
  const { url } = await serve(t)

  const empty = await fetch(`${url}/api/v1/channels/pumps/search?text=`)
  const unknown = await fetch(`${url}/api/v1/channels/none/search?text=a`)

  assert.equal(empty.status, 400)
  assert.match(String((await jsonOf(empty))['message']), /^text: /)
  assert.equal(unknown.status, 404)
})
