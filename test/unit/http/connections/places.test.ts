/** Requests that take memory or time: a few at once, the others wait or are asked to come again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GET, healthMs, openSockets } from '../../../support/http/attackers.ts'
import { OPERATOR, serve, WITH_TOKEN } from '../../../support/http/served-view.ts'

test('searches of one address run one at a time, and each gets its answer', async (t) => {
  const { server, view, url } = await serve(t)
  let running = 0
  let most = 0
  view.whileSearching = async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setTimeout(resolve, 10))
    running -= 1
  }

  const answers = Array.from({ length: 8 }, async () => (await fetch(`${url}/why/a%2Fb`)).status)
  const ms = await healthMs(server.port)

  assert.ok(ms < 1_000, `${ms} ms`)
  assert.deepEqual(await Promise.all(answers), Array(8).fill(200))
  assert.equal(most, 1)
})

test('searches beyond those that may wait are asked to come again', async (t) => {
  const { server, view, url } = await serve(t)
  let finish = (): void => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  view.whileSearching = () => finished

  const refused: Response[] = []
  const answers = Array.from({ length: 40 }, async () => {
    const response = await fetch(`${url}/why/a%2Fb`)
    if (response.status === 503) refused.push(response)
    return response.status
  })
  while (refused.length < 31) await new Promise(setImmediate)
  const ms = await healthMs(server.port)
  finish()
  const statuses = await Promise.all(answers)

  const [first] = refused
  assert.ok(first !== undefined)
  assert.equal(first.headers.get('retry-after'), '2')
  assert.match(await first.text(), /"TooManyRequests".*places for searches are taken/)
  assert.ok(ms < 1_000, `${ms} ms`)
  assert.equal(statuses.filter((status) => status === 200).length, 9, '1 runs, 8 wait')
})

test('a search whose client left keeps its place until it ends', async (t) => {
  const { server, view, url } = await serve(t)
  let finish = (): void => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  view.whileSearching = () => finished

  for (let i = 0; i < 5; i++) {
    const [socket] = await openSockets(t, server.port, 1, GET('/why/a'))
    socket?.end()
    await healthMs(server.port)
    socket?.destroy()
  }
  const last = fetch(`${url}/why/a%2Fb`)
  await healthMs(server.port)
  assert.equal(view.searches, 1)
  finish()

  assert.equal((await last).status, 200)
  assert.equal(view.searches, 2, 'those whose clients left were never begun')
})

test('replays run one at a time, and those beyond the ones that wait are refused', async (t) => {
  const { view, url } = await serve(t, WITH_TOKEN)
  let finish = (): void => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  view.whileReplaying = () => finished
  const replay = () =>
    fetch(`${url}/api/v1/dead-letters/replay`, {
      method: 'POST',
      headers: { ...OPERATOR, 'content-type': 'application/json' },
      body: '{}',
    })

  let refused = 0
  const answers = Array.from({ length: 30 }, async () => {
    const { status } = await replay()
    if (status === 503) refused += 1
    return status
  })
  while (refused < 25) await new Promise(setImmediate)
  assert.equal(view.asked.length, 1)
  finish()
  const statuses = await Promise.all(answers)

  assert.equal(statuses.filter((status) => status === 200).length, 5, '1 runs, 4 wait')
})

test('a page that is not read makes way for one that waits', async (t) => {
  const { server, view, url } = await serve(t)
  view.problem = 'x'.repeat(16 * 1024 * 1024)
  const silent = await openSockets(t, server.port, 4, GET('/ledger'))
  while (view.ledgers < silent.length) await new Promise(setImmediate)
  view.problem = undefined

  const response = await fetch(`${url}/ledger`)
  const ms = await healthMs(server.port)

  assert.equal(response.status, 200)
  assert.ok(ms < 1_000, `${ms} ms`)
})
