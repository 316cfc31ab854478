import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serve } from '../../../support/http/served-view.ts'

test('health is 200 when live and ready, and 503 with the reasons when not', async (t) => {
  const { view, url } = await serve(t)

  const well = await fetch(`${url}/health`)
  view.state = {
    level: 'critical',
    verdict: 'storage full',
    live: true,
    ready: false,
    storage: 'full',
    sources: [],
    destinations: [],
    problems: ['Storage: no space left on /data.'],
    outage: 'Not long.',
  }
  const unready = await fetch(`${url}/health`)
  const [live, ready] = await Promise.all([
    fetch(`${url}/health/live`),
    fetch(`${url}/health/ready`),
  ])

  assert.equal(well.status, 200)
  assert.deepEqual(await well.json(), {
    level: 'ok',
    verdict: 'running',
    live: true,
    ready: true,
    storage: 'ok',
    sources: [],
    destinations: [],
    problems: [],
  })
  assert.equal(unready.status, 503)
  assert.deepEqual(await unready.json(), view.state)
  assert.deepEqual([live.status, ready.status], [200, 503])
})

test('metrics are passed on with their content type', async (t) => {
  const { url } = await serve(t)

  const response = await fetch(`${url}/metrics`)

  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assert.equal(await response.text(), 'up 1\n')
})

test('the overview names every route', async (t) => {
  const { url } = await serve(t)

  const page = await (await fetch(url)).text()

  for (const route of ['/health', '/ledger', '/api/v1/channels', '/metrics']) {
    assert.ok(page.includes(route), route)
  }
})

test('the overview shows how it goes: state, totals, storage and each channel', async (t) => {
  const { view, url } = await serve(t)

  const well = await (await fetch(url)).text()
  view.state = {
    level: 'critical',
    verdict: 'storage full',
    live: true,
    ready: false,
    storage: 'full',
    sources: [],
    destinations: [],
    problems: ['No space left on <data>.'],
    outage: undefined,
  }
  const full = await (await fetch(url)).text()

  assert.match(well, /class="badge ok">running</)
  assert.match(well, /<b>20<\/b>received/)
  assert.match(well, /title="QueueFull: 4"><b>4<\/b>dropped/)
  assert.match(well, /<tr><th>pumps<td>10<td>6<td>2<td>0<td title="QueueFull: 2">2/)
  assert.match(full, /class="badge critical">storage full</)
  assert.match(full, /No space left on &#60;data&#62;\./)
})

test('on a narrow screen each figure has its heading, and a figure stays with its unit', async (t) => {
  const { view, url } = await serve(t)
  view.state = { ...view.state, outage: 'An outage can last 53 h before pumps is full.' }

  const page = await (await fetch(url)).text()

  const [narrow = ''] = /@media [^{]*\{ td:nth-child.*/.exec(page) ?? []
  const labels = [...narrow.matchAll(/content: '([a-z ]+)'/g)].map(([, label]) => label)
  const headings = [...page.matchAll(/<th>([a-z ]+)/g)].slice(1, 9).map(([, heading]) => heading)
  assert.deepEqual(labels, headings)
  assert.equal(labels.length, 8)
  assert.match(page, /<td>1,000\u00a0B<|<td>1000\u00a0B</)
  assert.match(page, /can last 53\u00a0h before/)
})
