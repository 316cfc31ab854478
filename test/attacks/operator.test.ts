/** Who wants to operate without the right: guesses, floods of logins, pages in a browser, silence. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { operatorSocketPath } from '../../src/http/access/operator-socket.ts'
import { attack, number } from '../support/attacks/attack.ts'
import type { Target } from '../support/attacks/target.ts'
import { askSocket } from '../support/http/operator-socket.ts'

/** Everybody may view, so that the polite clients can be counted. */
const TOKEN = 'a-token-that-a-person-chose'
const AT_ONCE = 8

/** The statuses of requests to HTTP, some at a time, and how often each came. */
async function statusesOf(
  target: Target,
  count: number,
  request: (index: number) => { path: string; init?: RequestInit },
): Promise<Map<number, number>> {
  const statuses = new Map<number, number>()
  const url = `http://127.0.0.1:${target.program.portOf('http')}`
  let sent = 0
  const worker = async (): Promise<void> => {
    while (sent < count) {
      sent += 1
      const { path, init = {} } = request(sent)
      const response = await fetch(`${url}${path}`, init)
      await response.arrayBuffer()
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return statuses
}

function socketOf(target: Target): string {
  return operatorSocketPath(join(target.directory, 'data'))
}

function login(body: object): { path: string; init: RequestInit } {
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body) }
  return { path: '/api/v1/session', init }
}

attack(
  'guesses at tokens, codes and sessions are limited, and the owner goes on through the socket',
  {
    maxGrownMb: 60,
    against: ['defaults'],
    config: { http: { token: TOKEN, allowAnonymous: true } },
    play: async (target) => {
      const startMs = performance.now()
      const statuses = await statusesOf(target, number(400, 20_000), (index) => {
        if (index % 4 === 0) return login({ token: `guess-${index}` })
        if (index % 4 === 1) return login({ code: `guess-${index}` })
        const path = index % 4 === 2 ? '/ledger' : '/health'
        return { path, init: { headers: { authorization: `Bearer guess-${index}` } } }
      })
      const minutes = (performance.now() - startMs) / 60_000

      const health = await askSocket(socketOf(target), '/health')
      const session = await askSocket(socketOf(target), '/api/v1/session')

      const compared = statuses.get(401) ?? 0
      assert.ok(compared <= 5 + Math.ceil(minutes * 5), `${compared} guesses were compared`)
      assert.ok((statuses.get(429) ?? 0) > 0)
      assert.deepEqual([health.status, session.status], [200, 200])
      assert.deepEqual(JSON.parse(session.body).rights, ['view', 'operate'])
      return undefined
    },
  },
)

attack('logins without an end hold bounded memory', {
  maxGrownMb: 80,
  against: ['defaults'],
  config: { http: { token: TOKEN, allowAnonymous: true } },
  play: async (target) => {
    const statuses = await statusesOf(target, number(500, 20_000), () => login({ token: TOKEN }))
    assert.deepEqual([...statuses.keys()], [200])
    return undefined
  },
})

attack('programs and pages on this machine cannot operate without the socket', {
  maxGrownMb: 60,
  against: ['defaults'],
  play: async (target) => {
    const headers = { 'content-type': 'application/json' }
    const tries: Record<string, string>[] = [
      headers,
      { ...headers, origin: 'http://127.0.0.1:1880' },
      { ...headers, 'sec-fetch-site': 'same-site' },
      { ...headers, 'x-forwarded-for': '127.0.0.1' },
      { ...headers, authorization: 'Bearer any' },
      { ...headers, cookie: 'iot-analytics-connector-8090=invented' },
    ]
    for (const path of [
      '/api/v1/session/code',
      '/api/v1/destinations/retry',
      '/api/v1/dead-letters/replay',
    ]) {
      const statuses = await statusesOf(target, tries.length, (index) => ({
        path,
        init: { method: 'POST', headers: tries[index - 1] ?? {}, body: '{}' },
      }))
      assert.deepEqual([...statuses], [[403, tries.length]], path)
    }
    return undefined
  },
})

attack('silent connections to the socket do not keep others from HTTP or from the socket', {
  maxGrownMb: 60,
  against: ['defaults'],
  play: async (target, t) => {
    for (let index = 0; index < number(100, 400); index += 1) {
      const silent = connect(socketOf(target))
      silent.on('error', () => undefined)
      t.after(() => silent.destroy())
    }

    const overHttp = await target.get('/health')
    const overSocket = await askSocket(socketOf(target), '/health')

    assert.deepEqual([overHttp.status, overSocket.status], [200, 200])
    return undefined
  },
})
