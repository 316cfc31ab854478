/** Pages of lines: bounded by the text that is sent. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_PAGE_BYTES } from '../../../../src/http/requests/pages.ts'
import { healthMs } from '../../../support/http/attackers.ts'
import { linesOf, START, serve } from '../../../support/http/served-view.ts'

/** In JSON each of these characters takes six. */
const PAYLOAD = '\u0001'.repeat(100_000)
const LINE_BYTES = 600_500

test('a page of messages is bounded by its text, and the next one begins where it ends', async (t) => {
  const { view, url } = await serve(t)
  for (let i = 0; i < 5; i++) view.add(PAYLOAD)

  const offsets: unknown[] = []
  let from = '0'
  for (let pages = 0; pages < 10 && from !== '5'; pages++) {
    const response = await fetch(`${url}/api/v1/channels/pumps/messages?from=${from}`)
    assert.ok(Number(response.headers.get('content-length')) <= MAX_PAGE_BYTES)
    from = response.headers.get('x-next-offset') ?? ''
    offsets.push(...(await linesOf(response)).map(({ offset }) => offset))
  }

  assert.deepEqual(offsets, [0, 1, 2, 3, 4])
})

test('a message beyond the bound of a page is a page of its own', async (t) => {
  const { view, url } = await serve(t)
  view.add(PAYLOAD + PAYLOAD)
  view.add('next')

  const response = await fetch(`${url}/api/v1/channels/pumps/messages`)

  assert.equal(response.headers.get('x-next-offset'), '1')
  assert.equal((await linesOf(response))[0]?.['payload'], PAYLOAD + PAYLOAD)
})

test('a page of dead letters is bounded by its text, and names where the next one begins', async (t) => {
  const { view, url } = await serve(t)
  const letters = [3, 5, 8].map((offset) => ({
    offset,
    keptAt: START,
    channel: 'pumps',
    destination: undefined,
    refusal: { error: 'InvalidMessage', message: 'no JSON' },
    topic: 'iotanalytics/channels/pumps/messages/put',
    receivedAt: START,
    senderId: '',
    messageId: undefined,
    payload: Buffer.from(PAYLOAD),
  }))
  view.letters = { letters, next: 13 }

  const first = await fetch(`${url}/api/v1/dead-letters`)
  view.letters = { letters: letters.slice(2), next: 13 }
  const last = await fetch(`${url}/api/v1/dead-letters`)

  assert.equal(first.headers.get('x-next-offset'), '5')
  assert.ok(Number(first.headers.get('content-length')) < LINE_BYTES)
  assert.equal(last.headers.get('x-next-offset'), '13')
})

test('many pages at once all arrive, and health is answered beside them', async (t) => {
  const { server, view, url } = await serve(t)
  view.add(PAYLOAD)

  const pages = Array.from({ length: 12 }, async () => {
    const response = await fetch(`${url}/api/v1/channels/pumps/messages`)
    await response.text()
    return response.status
  })
  const ms = await healthMs(server.port)

  assert.ok(ms < 1_000, `${ms} ms`)
  assert.deepEqual(await Promise.all(pages), Array(12).fill(200))
})
