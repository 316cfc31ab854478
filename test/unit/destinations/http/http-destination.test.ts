/** The destination against a service that stores what it is sent. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { BatchSender } from '../../../../src/delivery/batches/batch-sender.ts'
import type { Batch } from '../../../../src/destinations/destination.ts'
import type { HttpDestination } from '../../../../src/destinations/http/destination.ts'
import { httpOptions } from '../../../../src/destinations/http/options.ts'
import { batchOf, makeBatch, makeMessage } from '../../../support/channels/batch-maker.ts'
import { ConnectProxy } from '../../../support/destinations/connect-proxy.ts'
import { errorOf, never } from '../../../support/destinations/destination-under-test.ts'
import {
  destinationAt,
  type GivenHttp,
  setUpHttp as setUp,
} from '../../../support/destinations/http-destination.ts'
import { temporaryFile } from '../../../support/disk/temporary-file.ts'

/** Sends as delivery does, which divides what is refused for its content. */
function divided(destination: HttpDestination, { channel, logId, messages }: Batch) {
  const log = { channel, id: logId, end: messages.length }
  return new BatchSender({ destination, log, signal: never }).send(messages)
}

describe('what goes out', () => {
  test('a line of JSON for each message, and a key that names the batch', async (t) => {
    const { service, destination } = await setUp(t)

    await destination.send(makeBatch('c', 3), never)

    const [request] = service.requests
    assert.equal(request?.method, 'POST')
    assert.equal(request?.path, '/ingest?source=test')
    assert.equal(request?.headers['content-type'], 'application/x-ndjson')
    assert.equal(request?.headers['idempotency-key'], 'site-1-c-0a1b2c3d-0-2')
    assert.deepEqual(service.stored[2], {
      connector: 'site-1',
      channel: 'c',
      log_id: '0a1b2c3d',
      offset: 2,
      arrival_time: '1970-01-01T00:00:00.000Z',
      topic: 'test',
      message_id: '0a1b2c3d-2',
      content_type: 'application/json',
      payload: { reading: 2 },
    })
  })

  test('CloudEvents, whose source and id name each message', async (t) => {
    const { service, destination } = await setUp(t, { format: 'cloudevents', eventType: 'a.b' })
    const receivedAt = Date.UTC(2026, 0, 31)
    const payloads = ['{"t":1}', 'text', Buffer.from([0xff])]
    const messages = payloads.map((payload, offset) =>
      makeMessage(offset, { payload: Buffer.from(payload), topic: 'x/ü', receivedAt }),
    )

    await destination.send(batchOf('c', messages), never)

    const [request] = service.requests
    const type = 'application/cloudevents-batch+json; charset=utf-8'
    assert.equal(request?.headers['content-type'], type)
    const common = {
      specversion: '1.0',
      type: 'a.b',
      source: '/connectors/site-1/channels/c',
      time: '2026-01-31T00:00:00.000Z',
      subject: 'x/ü',
    }
    const data = [
      { datacontenttype: 'application/json', data: { t: 1 } },
      { datacontenttype: 'text/plain', data: 'text' },
      { datacontenttype: 'application/octet-stream', data_base64: '/w==' },
    ]
    assert.deepEqual(
      service.stored,
      data.map((one, offset) => {
        const id = `0a1b2c3d-${offset}`
        return { ...common, id, messageid: id, ...one }
      }),
    )
  })

  test('compressed, if the settings say so', async (t) => {
    const { service, destination } = await setUp(t, { gzip: true })
    await destination.send(makeBatch('c', 100), never)
    assert.equal(service.requests[0]?.headers['content-encoding'], 'gzip')
    assert.equal(service.stored.length, 100)
  })

  test('the header fields of the settings, with values and secrets from files', async (t) => {
    const key = await temporaryFile(t, 'key', 'secret key\n')
    const token = await temporaryFile(t, 'token', 'first\n')
    const { service, destination } = await setUp(t, {
      headers: { 'X-Site': 'plant 3' },
      headerFiles: { 'X-Api-Key': key },
      auth: { tokenFile: token },
    })
    await destination.send(makeBatch('c', 1), never)
    assert.equal(service.requests[0]?.headers['x-site'], 'plant 3')
    assert.equal(service.requests[0]?.headers['x-api-key'], 'secret key')
    assert.equal(service.requests[0]?.headers['authorization'], 'Bearer first')
  })

  test('a token that has been renewed is used as soon as the old one is refused', async (t) => {
    const token = await temporaryFile(t, 'token', 'first')
    const { service, destination } = await setUp(t, { auth: { tokenFile: token } })
    writeFileSync(token, 'second')
    service.next({ status: 401 })

    await destination.send(makeBatch('c', 1), never)

    const given = service.requests.map(({ headers }) => headers['authorization'])
    assert.deepEqual(given, ['Bearer first', 'Bearer second'])
  })

  test('a user and a password in UTF-8', async (t) => {
    const auth = { username: 'jürgen', password: 'pässword' }
    const { service, destination } = await setUp(t, { auth })
    await destination.send(makeBatch('c', 1), never)
    const expected = Buffer.from('jürgen:pässword').toString('base64')
    assert.equal(service.requests[0]?.headers['authorization'], `Basic ${expected}`)
  })

  test('a batch that is too large for one body goes out in several, cut the same each time', async (t) => {
    const { service, destination } = await setUp(t, { maxBodyBytes: 65_536 })
    const batch = makeBatch('c', 1_000)
    await destination.send(batch, never)
    const keys = service.requests.map(({ headers }) => headers['idempotency-key'])
    assert.ok(keys.length > 2)
    assert.ok(service.requests.every(({ body }) => body.length <= 65_536))
    assert.equal(service.stored.length, 1_000)

    await destination.send(batch, never)
    const again = service.requests.slice(keys.length)
    assert.deepEqual(
      again.map(({ headers }) => headers['idempotency-key']),
      keys,
    )
    assert.equal(service.stored.length, 1_000)
  })

  test('a message that is larger than a body goes out alone', async (t) => {
    const { service, destination } = await setUp(t, { maxBodyBytes: 65_536 })
    const large = makeMessage(1, { payload: Buffer.alloc(100_000, 'x') })
    await destination.send(batchOf('c', [makeMessage(0), large, makeMessage(2)]), never)
    assert.equal(service.requests.length, 3)
  })

  test('through a proxy', async (t) => {
    const proxy = await ConnectProxy.start(t)
    const { service, destination } = await setUp(t, { proxy: proxy.url })
    await destination.send(makeBatch('c', 1), never)
    assert.deepEqual(proxy.targets, [new URL(service.url).host])
  })
})

describe('what comes back', () => {
  test('a batch whose answer was lost is stored once', async (t) => {
    const { service, destination } = await setUp(t)
    service.next('lost')
    await destination.send(makeBatch('c', 5), never)
    assert.equal(service.posts.length, 2)
    assert.equal(service.stored.length, 5)
    assert.equal(service.requests[0]?.body, service.requests[1]?.body)
  })

  for (const status of [408, 409, 425, 429, 500, 502, 503, 504, 507]) {
    test(`${status} is tried again`, async (t) => {
      const { service, destination } = await setUp(t)
      service.next({ status })
      await destination.send(makeBatch('c', 1), never)
      assert.equal(service.posts.length, 2)
    })
  }

  const HELD = [
    [401, 'DestinationDenied'],
    [403, 'DestinationDenied'],
    [407, 'DestinationDenied'],
    [404, 'DestinationMissing'],
    [410, 'DestinationMissing'],
    [405, 'DestinationUnavailable'],
    [415, 'DestinationUnavailable'],
    [431, 'DestinationUnavailable'],
    [304, 'DestinationUnavailable'],
  ] as const
  for (const [status, code] of HELD) {
    test(`${status} keeps the batch without another attempt: ${code}`, async (t) => {
      const { service, destination } = await setUp(t)
      service.always({ status, body: status === 304 ? '' : 'because' })
      const error = await errorOf(destination.send(makeBatch('c', 1), never))
      assert.equal(error.code, code)
      assert.equal(error.effect, 'retry')
      if (status !== 304) assert.match(error.message, /because/)
      assert.equal(service.posts.length, 1)
    })
  }

  test('a redirect is not followed, and the error says where it leads', async (t) => {
    const { service, destination } = await setUp(t)
    service.always({ status: 302, headers: { location: 'https://login.example/?token=secret' } })
    const error = await errorOf(destination.send(makeBatch('c', 1), never))
    assert.equal(error.code, 'DestinationUnavailable')
    assert.match(error.message, /set destinations\[0\]\.http\.url to https:\/\/login\.example/)
    assert.doesNotMatch(error.message, /secret/)
  })

  for (const status of [400, 413, 422]) {
    test(`${status} divides the batch until the message to blame stands alone`, async (t) => {
      const { service, destination } = await setUp(t)
      service.poison(['"reading":6'], { status, body: '{"error":"no such sensor"}' })
      const outcome = await divided(destination, makeBatch('c', 11))
      assert.deepEqual(outcome.kept, [])
      assert.equal(outcome.rejected.length, 1)
      assert.equal(outcome.rejected[0]?.index, 6)
      assert.match(outcome.rejected[0]?.refusal.message ?? '', /no such sensor/)
      assert.deepEqual(
        service.stored.map((row) => row['offset']).toSorted((a, b) => Number(a) - Number(b)),
        [0, 1, 2, 3, 4, 5, 7, 8, 9, 10],
      )
    })
  }

  test('a page for people instead of an answer keeps the batch', async (t) => {
    const { service, destination } = await setUp(t)
    const body = '<html><h1>Plain HTTP sent to HTTPS port</h1></html>'
    service.always({ status: 400, headers: { 'content-type': 'text/html' }, body })
    const error = await errorOf(divided(destination, makeBatch('c', 3)))
    assert.equal(error.code, 'DestinationUnavailable')
    assert.match(error.message, /status 400: Plain HTTP sent to HTTPS port/)
  })

  test('a proxy’s page about the length of a body divides the batch', async (t) => {
    const { service, destination } = await setUp(t)
    const headers = { 'content-type': 'text/html' }
    service.poison(['"reading":2'], { status: 413, headers, body: '<html>too large</html>' })
    const outcome = await divided(destination, makeBatch('c', 3))
    assert.deepEqual(
      outcome.rejected.map(({ index }) => index),
      [2],
    )
  })

  test('of a batch in several bodies only the rest is kept when one fails', async (t) => {
    const { service, destination } = await setUp(t, { maxBodyBytes: 65_536, maxAttempts: 1 })
    const batch = makeBatch('c', 1_000)
    service.poison(['"reading":999,', '"reading":999}'], { status: 503 })

    const outcome = await destination.send(batch, never)

    assert.deepEqual(outcome.rejected, [])
    assert.equal(outcome.keptReason?.error, 'DestinationUnavailable')
    assert.equal(service.stored.length + outcome.kept.length, 1_000)
    assert.equal(outcome.kept[0], service.stored.length)
    assert.equal(outcome.kept.at(-1), 999)
  })

  test('Retry-After holds all requests back, also of the next send', async (t) => {
    const { service, destination } = await setUp(t)
    service.next({ status: 429, headers: { 'retry-after': '1' } })
    const begun = performance.now()
    await destination.send(makeBatch('c', 1), never)
    assert.ok(performance.now() - begun >= 990)
    assert.equal(service.stored.length, 1)
  })

  test('a pause that the server asks for ends at once when the send is aborted', async (t) => {
    const { service, destination } = await setUp(t)
    service.next({ status: 503, headers: { 'retry-after': '3600' } })
    await errorOf(destination.send(makeBatch('c', 1), never))
    const abort = new AbortController()
    const sent = errorOf(destination.send(makeBatch('c', 1), abort.signal))
    abort.abort()
    assert.equal((await sent).code, 'Stopping')
    assert.equal(service.posts.length, 1)
  })
})

describe('check', () => {
  test('posts nothing, and takes a service that knows no OPTIONS', async (t) => {
    const { service, destination } = await setUp(t)
    for (const status of [200, 204, 404, 405, 501]) {
      service.next({ status })
      await destination.check(never)
    }
    assert.deepEqual(service.posts, [])
  })

  test('reports wrong credentials', async (t) => {
    const { service, destination } = await setUp(t)
    service.next({ status: 403, body: 'who are you?' })
    await assert.rejects(destination.check(never), { code: 'DestinationDenied' })
  })

  test('says which setting to look at if nothing listens, or no name is known', async (t) => {
    const { service } = await setUp(t)
    const { port } = new URL(service.url)
    const cases = [
      ['http://127.0.0.1:1/', /Nothing listens there: .*destinations\[0\]\.http\.url/],
      ['http://no-such-host.invalid/', /no-such-host\.invalid.*destinations\[0\]\.http\.url/],
      [`https://127.0.0.1:${port}/`, /does not speak TLS.*destinations\[0\]\.http\.url/],
    ] as const
    for (const [url, expected] of cases) {
      const destination = destinationAt(url, { maxAttempts: 1, timeout: '5s' })
      await destination.open()
      await assert.rejects(destination.check(never), (error: Error) => expected.test(error.message))
      await destination.close()
    }
  })

  test('a secret file that is missing is an error of the configuration', async () => {
    const auth = { tokenFile: '/nowhere/token' }
    await assert.rejects(destinationAt('http://127.0.0.1:1', { auth }).open(), {
      code: 'InvalidConfiguration',
      message: /destinations\[0\]\.http\.auth\.tokenFile.*there is no such file/,
    })
  })
})

describe('the settings', () => {
  const cases: readonly (readonly [string, GivenHttp])[] = [
    ['url', { url: 'ftp://x' }],
    ['url', { url: 'https://user:secret@x' }],
    ['url', { url: 'http://x', tls: { ca: 'x.pem' } }],
    ['headers', { headers: { 'Content-Length': '5' } }],
    ['headers', { headers: { 'X-A': 'a\r\nb: c' } }],
    ['headers', { headers: { 'a b': 'c' } }],
    ['headerFiles', { headers: { 'X-A': 'b' }, headerFiles: { 'x-a': 'c' } }],
    ['auth', { auth: {} }],
    ['auth', { auth: { token: 'a', username: 'b', password: 'c' } }],
    ['auth', { auth: { username: 'b' } }],
    ['auth', { auth: { token: 'a', password: 'c' } }],
  ]
  for (const [path, given] of cases) {
    test(`${JSON.stringify(given)} is refused`, () => {
      const result = httpOptions.safeParse({ url: 'https://x', ...given })
      assert.equal(result.success, false)
      assert.ok(
        result.error?.issues.some((issue) => issue.path[0] === path),
        String(result.error),
      )
    })
  }
})
