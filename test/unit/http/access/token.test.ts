/** A token that requests must carry. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readToken } from '../../../../src/http/access/token.ts'
import { httpOptions } from '../../../../src/http/options.ts'
import { jsonOf, serve } from '../../../support/http/served-view.ts'

const TOKEN = 'c2VjcmV0LXRva2Vu:0123'
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

test('with a token every request but health needs it, as a bearer token or a password', async (t) => {
  const { url, view } = await serve(t, { token: TOKEN })
  const status = async (path: string, authorization?: string, method = 'GET') => {
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

test('a request without the token learns how to send it, and browsers ask for a password', async (t) => {
  const { url } = await serve(t, { token: TOKEN })

  const response = await fetch(url)

  assert.match(response.headers.get('www-authenticate') ?? '', /^Basic realm=/)
  const { error, message } = await jsonOf(response)
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
