import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueryReceiver } from '../../../../src/http/routes/query.ts'
import { jsonOf, OPERATOR, START, serve, WITH_TOKEN } from '../../../support/http/served-view.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { until } from '../../../support/until.ts'

/** Never ends by itself; sends a first row if the SQL says so. */
const endless: QueryReceiver = {
  run: async ({ sql }, { signal, onPart }) => {
    if (sql.startsWith('rows')) await onPart(Buffer.from('{"n":1}\n'))
    return await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  },
}

async function served(t: Parameters<typeof serve>[0]) {
  const { url } = await serve(t, WITH_TOKEN, { queries: endless, clock: new ManualClock(START) })
  const path = `${url}/api/v1/query`
  const list = async () => (await jsonOf(await fetch(path, { headers: OPERATOR }))).queries
  return {
    list,
    ask: (sql: string) => {
      const headers = { ...OPERATOR, 'content-type': 'text/plain' }
      return fetch(path, { method: 'POST', headers, body: sql })
    },
    running: async () => {
      await until('the query is listed', async () => (await list()).length === 1)
      return (await list())[0]
    },
    cancel: (id: string, headers: Record<string, string> = OPERATOR) => {
      return fetch(`${path}/${encodeURIComponent(id)}`, { method: 'DELETE', headers })
    },
  }
}

test('a query that is cancelled before its first row is answered with QueryCancelled', async (t) => {
  const { ask, running, cancel, list } = await served(t)
  const answer = ask('select endlessly')
  const query = await running()

  const cancelled = await cancel(query.id)
  const response = await answer

  assert.equal(query.sql, 'select endlessly')
  assert.equal(query.since, '2026-01-01T00:00:00.000Z')
  assert.equal(cancelled.status, 204)
  assert.equal(response.status, 422)
  assert.equal(response.headers.get('x-query-id'), query.id)
  assert.deepEqual(await jsonOf(response), {
    error: 'QueryCancelled',
    message: 'The query was cancelled by an operator.',
  })
  assert.deepEqual(await list(), [])
})

test('a query that is cancelled while rows come ends with its connection, without a summary', async (t) => {
  const { ask, cancel, list } = await served(t)
  const response = await ask('rows and more')
  const id = response.headers.get('x-query-id') ?? ''

  const cancelled = await cancel(id)

  assert.equal(cancelled.status, 204)
  await assert.rejects(response.text())
  assert.deepEqual(await list(), [])
})

test('cancelling needs the right operate, and an id of a query that runs', async (t) => {
  const { ask, running, cancel } = await served(t)
  const answer = ask('select endlessly')
  const { id } = await running()

  const without = await cancel(id, {})
  const foreign = await cancel(id, { ...OPERATOR, origin: 'http://elsewhere.example' })
  const unknown = await cancel('../x')

  assert.equal(without.status, 401)
  assert.equal(foreign.status, 403)
  assert.equal(unknown.status, 404)
  assert.match((await jsonOf(unknown)).message, /^No query "\.\.\/x" runs\. GET \/api\/v1\/query/)
  await cancel(id)
  assert.equal((await answer).status, 422)
})
