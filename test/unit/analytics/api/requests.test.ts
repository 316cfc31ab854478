/** Requests that no correct client sends, and what the HTTP server does before an operation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiOptions } from '../../../../src/analytics/api/options.ts'
import { serveApi } from '../../../support/analytics/served-api.ts'
import { jsonOf } from '../../../support/http/served-view.ts'

const JSON_HEADERS = { 'content-type': 'application/json' }

function post(url: string, body: string, headers: Record<string, string> = JSON_HEADERS) {
  return fetch(url, { method: 'POST', headers, body })
}

for (const [what, body, message] of [
  ['no JSON', '{', 'the body: expected JSON'],
  ['a list', '[]', 'the body: expected a JSON object'],
  ['null', 'null', 'the body: expected a JSON object'],
  [
    'no member',
    '{}',
    'datastoreName: expected 1 to 128 of A-Z a-z 0-9 _, not beginning with two underscores, got nothing',
  ],
  [
    'another type',
    '{"datastoreName":{"a":1}}',
    'datastoreName: expected 1 to 128 of A-Z a-z 0-9 _, not beginning with two underscores, got an object with "a"',
  ],
  [
    'an unknown member',
    '{"datastoreName":"d","datastorestorage":{}}',
    'the body: expected only datastoreName, datastoreStorage, retentionPeriod, fileFormatConfiguration, datastorePartitions, tags, got "datastorestorage"',
  ],
  [
    'a member of all objects',
    '{"datastoreName":"d","__proto__":{"a":1}}',
    'the body: expected no member with the name __proto__',
  ],
  [
    'a member of all objects, hidden',
    '{"datastoreName":"d","tags":[{"key":"k","value":"v","\\u005f_proto__":{}}]}',
    'the body: expected no member with the name __proto__',
  ],
  [
    'a path',
    '{"datastoreName":"../../etc/passwd"}',
    'datastoreName: expected 1 to 128 of A-Z a-z 0-9 _, not beginning with two underscores, got "../../etc/passwd"',
  ],
  [
    'more levels than any definition has',
    `{"datastoreName":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    'the body: expected at most 20 levels',
  ],
] as const) {
  test(`a body that is or has ${what} is refused, with what was expected`, async (t) => {
    const { url } = await serveApi(t)

    const answer = await post(`${url}/datastores`, body)

    assert.equal(answer.status, 400)
    assert.equal(answer.headers.get('x-amzn-errortype'), 'InvalidRequestException')
    assert.deepEqual(await jsonOf(answer), { message })
  })
}

test('a member that is null counts as not given', async (t) => {
  const { url } = await serveApi(t)

  const answer = await post(`${url}/datastores`, '{"datastoreName":"d","tags":null}')

  assert.equal(answer.status, 201)
})

test('a body that is too large is refused', async (t) => {
  const { url } = await serveApi(t)

  const answer = await post(`${url}/datastores`, ' '.repeat(2 * 1024 * 1024 + 1))

  assert.equal(answer.status, 413)
  assert.equal(answer.headers.get('x-amzn-errortype'), 'RequestEntityTooLargeException')
})

test('a page of another site can’t call an operation, with or without a body', async (t) => {
  const { url } = await serveApi(t)
  const origin = 'http://evil.example'

  const form = await post(`${url}/datastores`, 'datastoreName=d', { 'content-type': 'text/plain' })
  const foreign = await post(`${url}/datastores`, '{}', { ...JSON_HEADERS, origin })
  const empty = await fetch(`${url}/datasets/d/content`, { method: 'POST', headers: { origin } })

  assert.equal(form.status, 415)
  assert.equal(foreign.status, 403)
  assert.equal(foreign.headers.get('x-amzn-errortype'), 'AccessDeniedException')
  assert.equal(empty.status, 403)
})

test('names and queries in the URL are checked', async (t) => {
  const { url } = await serveApi(t)
  const messageOf = async (path: string, method = 'GET') => {
    const answer = await fetch(`${url}${path}`, { method })
    return `${answer.status} ${(await jsonOf(answer)).message}`
  }

  assert.match(await messageOf('/channels/..%2f..%2fx'), /^400 channelName: expected/)
  assert.match(await messageOf('/channels/%00'), /^400 channelName: expected/)
  assert.match(await messageOf(`/channels/${'a'.repeat(129)}`), /^400 channelName: expected/)
  assert.match(await messageOf('/pipelines?maxResult=1'), /^400 the query: expected only nextToken/)
  assert.match(await messageOf('/pipelines?maxResults=1e1'), /^400 maxResults: expected/)
  assert.match(await messageOf('/pipelines?nextToken=W10'), /^400 nextToken: expected/)
  assert.match(await messageOf('/pipelines?__proto__=1'), /^400 the query: expected only/)
  assert.match(await messageOf('/channels/c?includeStatistics=yes'), /^400 includeStatistics: /)
  assert.match(await messageOf('/channels/c/sample?startTime=now'), /^400 startTime: expected a/)
  assert.match(await messageOf('/tags?resourceArn=short', 'DELETE'), /^400 resourceArn: expected/)
  assert.match(await messageOf('/datastores/none', 'DELETE'), /^404 There is no datastore none\./)
})

test('a list goes on where it was although resources come and go', async (t) => {
  const { url } = await serveApi(t)
  for (const name of ['b', 'd', 'f']) {
    await post(`${url}/datastores`, JSON.stringify({ datastoreName: name }))
  }
  const { nextToken } = await jsonOf(await fetch(`${url}/datastores?maxResults=2`))
  await fetch(`${url}/datastores/d`, { method: 'DELETE' })
  await post(`${url}/datastores`, JSON.stringify({ datastoreName: 'a' }))

  const rest = await jsonOf(await fetch(`${url}/datastores?nextToken=${nextToken}`))

  const names = rest.datastoreSummaries.map((one: { datastoreName: string }) => one.datastoreName)
  assert.deepEqual(names, ['f'])
})

test('two that create the same resource at the same time: one gets it', async (t) => {
  const options = apiOptions.parse({ limits: { datastores: 2 } })
  const { url } = await serveApi(t, { options })
  const names = ['a', 'a', 'b', 'b', 'c', 'c']

  const statuses = await Promise.all(
    names.map(async (datastoreName) => {
      const answer = await post(`${url}/datastores`, JSON.stringify({ datastoreName }))
      await answer.text()
      return answer.status
    }),
  )

  assert.deepEqual(statuses.toSorted(), [201, 201, 409, 409, 410, 410])
})
