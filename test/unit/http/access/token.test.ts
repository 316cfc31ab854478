/** Tokens that requests carry: the one of `http.token`, and those of the file `http.tokens`. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readToken } from '../../../../src/http/access/token.ts'
import {
  createToken,
  parseTokenFile,
  tokenFileText,
} from '../../../../src/http/access/token-file.ts'
import { httpOptions } from '../../../../src/http/options.ts'
import {
  jsonOf,
  OPERATOR,
  START,
  serve,
  serveWithToken,
  WITH_TOKEN,
} from '../../../support/http/served-view.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const TOKEN = 'c2VjcmV0LXRva2Vu:0123'
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

test('with a token every request but health needs it, as a bearer token or a password', async (t) => {
  const clock = new ManualClock()
  const { url, view } = await serve(t, { token: TOKEN }, { clock })
  const status = async (path: string, authorization?: string, method = 'GET') => {
    // Guesses are limited, see below.
    clock.advance(12_000)
    const headers = authorization === undefined ? {} : { authorization }
    return (await fetch(`${url}${path}`, { headers, method })).status
  }

  const paths = [
    '/metrics',
    '/ledger',
    '/api/v1/channels',
    '/api/v1/channels/pumps/messages',
    '/why/a',
    '/no',
  ]
  for (const path of paths) {
    assert.equal(await status(path), 401, path)
    assert.equal(await status(path, undefined, 'HEAD'), 401, path)
  }
  assert.equal(await status('/api/v1/dead-letters/replay', undefined, 'POST'), 401)
  assert.equal(await status('/api/v1/destinations/retry', undefined, 'POST'), 401)
  assert.equal(await status('/api/v1/channels/c/replay', undefined, 'POST'), 401)
  const wrong = [
    '',
    'Bearer',
    'Bearer x',
    `Bearer ${TOKEN}x`,
    `Token ${TOKEN}`,
    TOKEN,
    basic(TOKEN),
  ]
  for (const authorization of [
    ...wrong,
    basic('user:'),
    basic(`user:${TOKEN.slice(1)}`),
    'Basic =',
  ]) {
    assert.equal(await status('/ledger', authorization), 401, authorization)
  }
  assert.equal(view.searches + view.ledgers + view.asked.length, 0)

  for (const authorization of [`Bearer ${TOKEN}`, `bearer  ${TOKEN}`, basic(`anyone:${TOKEN}`)]) {
    assert.equal(await status('/ledger', authorization), 200, authorization)
    assert.equal(await status('/metrics', authorization), 200, authorization)
  }
})

test('a request without a token learns how to send it, and browsers ask for a password, but not below /api', async (t) => {
  const { url } = await serve(t, { token: TOKEN })

  const page = await fetch(`${url}/ledger`)
  const api = await fetch(`${url}/api/v1/session`)

  assert.match(page.headers.get('www-authenticate') ?? '', /^Basic realm=/)
  assert.match(api.headers.get('www-authenticate') ?? '', /^Bearer realm=/)
  const { error, message } = await jsonOf(page)
  assert.equal(error, 'NotAuthorized')
  assert.match(message, /authorization: Bearer/)
})

test('without the token health says only the state', async (t) => {
  const { url, view } = await serve(t, { token: TOKEN })
  view.state = { ...view.state, problems: ['Storage: no space left on /data.'] }

  const open = await fetch(`${url}/health`)
  const known = await fetch(`${url}/health`, { headers: { authorization: `Bearer ${TOKEN}` } })

  assert.deepEqual(await open.json(), { live: true, ready: true, storage: 'ok' })
  assert.deepEqual((await jsonOf(known)).problems, view.state.problems)
})

test('the token can be in a file, which has to have one of a sufficient length', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'token-'))
  t.after(() => rm(folder, { recursive: true }))
  const tokenFile = join(folder, 'token')
  const read = async (content: string) => {
    await writeFile(tokenFile, content)
    return await readToken({ tokenFile })
  }

  assert.equal(await read(`${TOKEN}\n`), TOKEN)
  await assert.rejects(read('short\n'), /http\.tokenFile: expected one line of at least 16 .*token/)
  await assert.rejects(read('two words that are long enough'), /without spaces/)
  await assert.rejects(
    readToken({ tokenFile: join(folder, 'absent') }),
    /http\.tokenFile: can’t read/,
  )
  assert.equal(httpOptions.safeParse({ token: 'short' }).success, false)
  assert.equal(httpOptions.safeParse({ token: TOKEN, tokenFile }).success, false)
  assert.equal(httpOptions.safeParse({ token: TOKEN }).success, true)
})

test('after five wrong tokens an address waits 12 s for each further one, and the right one waits too', async (t) => {
  const clock = new ManualClock()
  const { url } = await serve(t, WITH_TOKEN, { clock })
  const ask = (authorization: string, path = '/ledger') =>
    fetch(`${url}${path}`, { headers: { authorization } })
  const guess = async () => (await ask('Bearer wrong-wrong-wrong-wrong')).status

  const first = [await guess(), await guess(), await guess(), await guess(), await guess()]
  const sixth = await ask('Bearer wrong-wrong-wrong-wrong')
  const right = await ask(OPERATOR.authorization)
  const health = await ask(OPERATOR.authorization, '/health')
  clock.advance(12_000)
  const later = await ask(OPERATOR.authorization)

  assert.deepEqual(first, [401, 401, 401, 401, 401])
  assert.deepEqual([sixth.status, sixth.headers.get('retry-after')], [429, '12'])
  assert.equal(right.status, 429, 'it is not compared: else guessing would go on')
  assert.deepEqual(await health.json(), { live: true, ready: true, storage: 'ok' })
  assert.equal(later.status, 200)
})

test('health is no way to guess tokens without a limit', async (t) => {
  const { url } = await serve(t, WITH_TOKEN, { clock: new ManualClock() })
  for (let guess = 0; guess < 5; guess += 1) {
    await fetch(`${url}/health`, { headers: { authorization: `Bearer guess-${guess}` } })
  }

  const right = await fetch(`${url}/health`, { headers: OPERATOR })

  assert.deepEqual(await right.json(), { live: true, ready: true, storage: 'ok' })
})

test('guesses do not keep out the owner of a token that was made by the command', async (t) => {
  const { url, headers } = await serveWithToken(t, 'view', WITH_TOKEN, { clock: new ManualClock() })
  for (let guess = 0; guess < 10; guess += 1) {
    await fetch(`${url}/ledger`, { headers: { authorization: `Bearer guess-${guess}` } })
  }

  const statuses = [
    (await fetch(`${url}/ledger`, { headers: OPERATOR })).status,
    (await fetch(`${url}/ledger`, { headers })).status,
  ]

  assert.deepEqual(statuses, [429, 200])
})

test('a token of the file may do what its line says', async (t) => {
  const viewer = await serveWithToken(t, 'view')
  const operator = await serveWithToken(t, 'operate')
  const retry = ({ url, headers }: { url: string; headers: Record<string, string> }) =>
    fetch(`${url}/api/v1/destinations/retry`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{}',
    })

  const refused = await retry(viewer)
  const done = await retry(operator)

  assert.equal((await fetch(`${viewer.url}/ledger`, { headers: viewer.headers })).status, 200)
  assert.equal(refused.status, 403)
  const { error, message } = await jsonOf(refused)
  assert.equal(error, 'NotPermitted')
  assert.match(message, /right operate.*token create <name> --rights operate/)
  assert.deepEqual([viewer.view.asked, operator.view.asked], [[], [{}]])
  assert.equal(done.status, 200)
})

test('a file of tokens has hashes and no tokens, and can be read back', () => {
  const { token, stored } = createToken('grafana', 'view', START)
  const other = createToken('ops', 'operate', START)
  const text = tokenFileText([stored, other.stored])

  const read = parseTokenFile(text)

  assert.match(token, /^iac_[A-Za-z0-9_-]{43}$/)
  assert.notEqual(token, other.token)
  assert.ok(!text.includes(token))
  assert.match(text, /^grafana view 2026-01-01T00:00:00Z sha256:[0-9a-f]{64}$/m)
  assert.deepEqual(read, [stored, other.stored])
})

test('a line of the file that is something else is named, and so is a name that is there twice', () => {
  const digest = 'a'.repeat(64)
  const line = `x view 2026-01-01T00:00:00Z sha256:${digest}`

  for (const [text, expected] of [
    ['\nnothing\n', /^line 2: expected "<name> <view or operate>/],
    [line.replace('view', 'root'), /^line 1: expected/],
    [line.replace('x', 'a/b'), /^line 1: expected/],
    [line.slice(0, -1), /^line 1: expected/],
    [`${line}\n${line}`, /^line 2: x is there twice/],
    [
      Array.from({ length: 257 }, (_, i) => line.replace('x', `x${i}`)).join('\n'),
      /^257 tokens; expected 256 at most/,
    ],
  ] as const) {
    assert.throws(() => parseTokenFile(text), { message: expected })
  }
  assert.deepEqual(parseTokenFile('# a comment\n\n'), [])
})
