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
