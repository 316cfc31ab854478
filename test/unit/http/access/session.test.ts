/** Sessions of browsers: how they begin, what they may do, and how they end. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { IDLE_MS, Sessions } from '../../../../src/http/access/sessions.ts'
import type { Grant } from '../../../../src/http/access/tokens.ts'
import type { HttpServer } from '../../../../src/http/http-server.ts'
import {
  jsonOf,
  OPERATOR,
  serve,
  serveWithToken,
  WITH_TOKEN,
} from '../../../support/http/served-view.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

function browserOf({ url }: { url: string }) {
  const send = (method: string, path: string, body?: object, headers: Headers = {}) =>
    fetch(`${url}${path}`, {
      method,
      headers: body === undefined ? headers : { ...JSON_TYPE, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  return {
    send,
    session: (headers: Headers = {}) => send('GET', '/api/v1/session', undefined, headers),
    login: (body: object, headers: Headers = {}) => send('POST', '/api/v1/session', body, headers),
    retry: (headers: Headers) => send('POST', '/api/v1/destinations/retry', {}, headers),
  }
}

type Headers = Record<string, string>

/** As a browser sends the cookie that the answer has set. */
function cookieOf(response: Response): { cookie: string } {
  return { cookie: (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '' }
}

test('on loopback without tokens everybody may view, and is informed how to operate', async (t) => {
  const browser = browserOf(await serve(t))

  const session = await jsonOf(await browser.session())

  const { advice, ...facts } = session
  assert.deepEqual(facts, { rights: ['view'], by: 'loopback', name: null, until: null })
  assert.match(advice, /iot-analytics-connector dashboard.*token create <name> --rights operate/)
})

test('beyond loopback, allowAnonymous lets view and nothing else, also beside tokens', async (t) => {
  const open = { host: '0.0.0.0', allowAnonymous: true }
  for (const options of [open, { ...open, ...WITH_TOKEN }]) {
    const { server, view } = await serve(t, options)
    const browser = browserOf({ url: `http://127.0.0.1:${server.port}` })

    const session = await jsonOf(await browser.session())
    const retried = await browser.retry({})

    assert.deepEqual([session.rights, session.by], [['view'], 'anonymous'])
    assert.equal(retried.status, 403)
    assert.deepEqual(view.asked, [])
  }
})

test('a token opens a session with its rights and name, in a cookie for this server alone', async (t) => {
  const served = await serveWithToken(t, 'operate', {}, { clock: new ManualClock(0) })
  const browser = browserOf(served)

  const login = await browser.login({ token: served.token })
  const cookie = cookieOf(login)
  const session = await browser.session(cookie)
  const retried = await browser.retry(cookie)

  const expected = {
    rights: ['view', 'operate'],
    by: 'session',
    name: 'tester',
    until: '1970-01-01T12:00:00.000Z',
    advice: null,
  }
  assert.deepEqual(await jsonOf(login), expected)
  assert.deepEqual(await jsonOf(session), expected)
  assert.equal(retried.status, 200)
  const { port } = served.server
  assert.match(
    login.headers.get('set-cookie') ?? '',
    new RegExp(`^iot-analytics-connector-${port}=[\\w-]{43}; HttpOnly; SameSite=Strict$`),
  )
})

test('the cookie is Secure behind a proxy that speaks TLS', async (t) => {
  const served = await serveWithToken(t, 'view')

  const login = await browserOf(served).login(
    { token: served.token },
    { 'x-forwarded-proto': 'https' },
  )

  assert.match(login.headers.get('set-cookie') ?? '', /; HttpOnly; SameSite=Strict; Secure$/)
})

test('a session for a token that may view cannot operate', async (t) => {
  const served = await serveWithToken(t, 'view')
  const browser = browserOf(served)

  const cookie = cookieOf(await browser.login({ token: served.token }))
  const retried = await browser.retry(cookie)

  assert.equal(retried.status, 403)
  assert.equal((await jsonOf(retried)).error, 'NotPermitted')
  assert.deepEqual(served.view.asked, [])
})

test('pages of other sites and other ports cannot use a session, log in, or log out', async (t) => {
  const served = await serve(t, WITH_TOKEN)
  const browser = browserOf(served)
  const cookie = cookieOf(await browser.login({ token: WITH_TOKEN.token }))
  const foreign: Headers[] = [
    { origin: 'https://evil.example' },
    { origin: 'http://127.0.0.1:1880' },
    { origin: 'null' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
  ]

  for (const headers of foreign) {
    const all = { ...cookie, ...headers }
    const statuses = [
      (await browser.retry(all)).status,
      (await browser.session(all)).status,
      (await browser.login({ token: WITH_TOKEN.token }, all)).status,
      (await browser.send('DELETE', '/api/v1/session', undefined, all)).status,
    ]
    assert.deepEqual(statuses, [403, 403, 403, 403], JSON.stringify(headers))
  }
  const form = await browser.send('POST', '/api/v1/destinations/retry', undefined, {
    ...cookie,
    'content-type': 'application/x-www-form-urlencoded',
  })
  assert.equal(form.status, 415)
  assert.deepEqual(served.view.asked, [])
  assert.equal((await browser.session(cookie)).status, 200)
})

test('a login gets a new id, so a session that somebody placed in the browser is not used', async (t) => {
  const browser = browserOf(await serve(t, WITH_TOKEN))
  const placed = cookieOf(await browser.login({ token: WITH_TOKEN.token }))

  const invented = cookieOf(
    await browser.login(
      { token: WITH_TOKEN.token },
      { cookie: placed.cookie.replace(/=.*/, '=invented') },
    ),
  )
  const fresh = cookieOf(await browser.login({ token: WITH_TOKEN.token }, placed))

  assert.doesNotMatch(invented.cookie, /invented/)
  assert.notEqual(fresh.cookie, placed.cookie)
  assert.equal((await browser.session(placed)).status, 401, 'the one before has ended')
  assert.equal((await browser.session(fresh)).status, 200)
})

test('a cookie of the same name from another port does not hide the session', async (t) => {
  const served = await serve(t, WITH_TOKEN)
  const browser = browserOf(served)
  const { cookie } = cookieOf(await browser.login({ token: WITH_TOKEN.token }))
  const name = cookie.split('=')[0]

  const both = await browser.session({ cookie: `${name}=tossed; other=1; ${cookie}` })
  const otherPort = await browser.session({ cookie: cookie.replace(/-\d+=/, '-1=') })

  assert.equal(both.status, 200)
  assert.equal(otherPort.status, 401)
})

test('logging out ends the session, also for who has copied the cookie', async (t) => {
  const browser = browserOf(await serve(t, WITH_TOKEN))
  const cookie = cookieOf(await browser.login({ token: WITH_TOKEN.token }))

  const out = await browser.send('DELETE', '/api/v1/session', undefined, cookie)

  assert.equal(out.status, 204)
  assert.match(out.headers.get('set-cookie') ?? '', /=; HttpOnly; SameSite=Strict; Max-Age=0$/)
  assert.equal((await browser.session(cookie)).status, 401)
})

test('a session ends after 12 hours without a request', async (t) => {
  const clock = new ManualClock()
  const browser = browserOf(await serve(t, WITH_TOKEN, { clock }))
  const cookie = cookieOf(await browser.login({ token: WITH_TOKEN.token }))

  clock.advance(IDLE_MS - 1)
  const used = await browser.session(cookie)
  clock.advance(IDLE_MS - 1)
  const again = await browser.session(cookie)
  clock.advance(IDLE_MS)
  const late = await browser.session(cookie)

  assert.deepEqual([used.status, again.status, late.status], [200, 200, 401])
})

test('when a token is revoked, its session ends, and so does its stream; others go on', async (t) => {
  const clock = new ManualClock()
  const served = await serveWithToken(t, 'view', WITH_TOKEN, { clock })
  const browser = browserOf(served)
  const revoked = cookieOf(await browser.login({ token: served.token }))
  const kept = cookieOf(await browser.login({ token: WITH_TOKEN.token }))
  const open = (headers: Headers) =>
    browser.send('GET', '/api/v1/events?topics=problems', undefined, headers)
  const streams = [await open(revoked), await open(served.headers)]
  const going = await open(kept)

  await writeFile(served.tokens, '')
  await served.server.reload()
  const texts = await Promise.all(streams.map((stream) => stream.text()))

  assert.ok(texts.every((text) => text.includes('event: hello')))
  assert.equal((await going.body?.getReader().read())?.done, false)
  assert.equal((await browser.session(revoked)).status, 401)
  assert.equal((await browser.session(served.headers)).status, 401)
  assert.equal((await browser.session(kept)).status, 200)
})

test('a file of tokens that became invalid is not used, and the tokens before go on', async (t) => {
  const errors: string[] = []
  const onReloaded: ConstructorParameters<typeof HttpServer>[0]['onReloaded'] = (error) =>
    errors.push(error?.message ?? 'read')
  const served = await serveWithToken(t, 'view', {}, { onReloaded })

  await writeFile(served.tokens, 'half a li')
  await served.server.reload()

  assert.match(errors[0] ?? '', /^http\.tokens: .*tokens: line 1: expected/)
  assert.equal((await browserOf(served).session(served.headers)).status, 200)
})

test('a code opens one session with the rights of the token that asked for it', async (t) => {
  const clock = new ManualClock()
  const served = await serveWithToken(t, 'view', {}, { clock })
  const browser = browserOf(served)
  const code = async () => {
    const answer = await browser.send('POST', '/api/v1/session/code', {}, served.headers)
    return await jsonOf(answer)
  }

  const first = await code()
  const login = await browser.login({ code: first.code })
  const replayed = await browser.login({ code: first.code })
  const second = await code()
  clock.advance(60_000)
  const late = await browser.login({ code: second.code })
  const bySession = await browser.send('POST', '/api/v1/session/code', {}, cookieOf(login))

  assert.equal(first.address, served.url)
  const { rights, by, name } = await jsonOf(login)
  assert.deepEqual([rights, by, name], [['view'], 'session', 'tester'])
  assert.deepEqual([replayed.status, late.status], [401, 401])
  assert.match((await jsonOf(late)).message, /works once, within 60 s.*dashboard/)
  assert.equal(bySession.status, 403, 'a session cannot make further sessions')
})

test('a code of a token that was revoked meanwhile opens nothing', async (t) => {
  const served = await serveWithToken(t, 'operate')
  const browser = browserOf(served)
  const answer = await browser.send('POST', '/api/v1/session/code', {}, served.headers)
  const { code } = await jsonOf(answer)

  await writeFile(served.tokens, '')
  await served.server.reload()

  assert.equal((await browser.login({ code })).status, 401)
})

test('guesses at codes and tokens of a login are limited together', async (t) => {
  const browser = browserOf(await serve(t, WITH_TOKEN, { clock: new ManualClock() }))

  const statuses: number[] = []
  for (const body of [
    { code: 'a' },
    { token: 'b' },
    { code: 'c' },
    { token: 'd' },
    { code: 'e' },
  ]) {
    statuses.push((await browser.login(body)).status)
  }
  const locked = await browser.login({ token: WITH_TOKEN.token })
  const neither = await browser.login({})

  assert.deepEqual(statuses, [401, 401, 401, 401, 401])
  assert.deepEqual([locked.status, locked.headers.get('retry-after')], [429, '12'])
  assert.equal(neither.status, 400)
  assert.equal((await browser.session(OPERATOR)).status, 429)
})

test('there are 16 sessions of one token and 64 of all; the one that was idle longest makes way', () => {
  const sessions = new Sessions(new ManualClock())
  const grants = Array.from({ length: 6 }, (): Grant => {
    return { name: null, rights: ['view'], revoked: new AbortController().signal }
  })
  const [first] = grants
  assert.ok(first !== undefined)
  const isOpen = (id: string) => sessions.use(id, new EventEmitter()) !== undefined

  const own = Array.from({ length: 17 }, () => sessions.begin(first))
  const others = grants
    .slice(1)
    .flatMap((grant) => Array.from({ length: 16 }, () => sessions.begin(grant)))

  assert.equal(sessions.count, 64)
  assert.ok(!own.some(isOpen), 'of six tokens with 16 each, four have room')
  assert.ok(others.slice(-64).every(isOpen))
})
