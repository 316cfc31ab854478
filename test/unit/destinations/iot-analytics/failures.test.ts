/** Answers and errors after which a batch is sent again: at once, or at its next turn. */
import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { makeBatch } from '../../../support/channels/batch-maker.ts'
import {
  destinationFor,
  errorOf,
  never,
  setUp,
} from '../../../support/destinations/destination-under-test.ts'
import * as fake from '../../../support/destinations/fake-answers.ts'
import { IMPATIENT_MS, SECOND_TRY_MS } from '../../../support/destinations/timeouts.ts'

describe('answers that are tried again within the call', () => {
  const passing: Record<string, fake.FakeAnswer> = {
    'ThrottlingException (429)': fake.exception('ThrottlingException'),
    'ThrottlingException named in __type': fake.exception('ThrottlingException', {
      named: '__type',
    }),
    'ThrottlingException named in code': fake.exception('ThrottlingException', { named: 'code' }),
    'ThrottlingException with status 400': fake.exception('ThrottlingException', { status: 400 }),
    'LimitExceededException (410)': fake.exception('LimitExceededException'),
    'InternalFailureException (500)': fake.exception('InternalFailureException'),
    'InternalFailureException with status 400': fake.exception('InternalFailureException', {
      status: 400,
    }),
    'ServiceUnavailableException (503)': fake.exception('ServiceUnavailableException'),
    '429 without a name': fake.plain(429),
    '500 in HTML': fake.html(500),
    '502 in HTML': fake.html(502),
    '503 in HTML': fake.html(503),
    '504 in HTML': fake.html(504),
    'a reset connection': fake.reset(),
    'a connection closed within the body': fake.cutBody(200, '{"batchPut'),
    'an answer lost after the messages were stored': fake.acceptedThenReset(),
  }
  const hanging: Record<string, fake.FakeAnswer> = {
    silence: fake.silence(),
    'a body that drips': fake.slowBody(200, 20),
    'a body that stalls': fake.slowBody(200, 60_000),
  }
  for (const [name, answer] of Object.entries({ ...passing, ...hanging })) {
    const hangs = name in hanging
    test(`${name}: the second attempt succeeds`, async (t) => {
      const { api, destination } = await setUp(t, hangs ? { timeout: SECOND_TRY_MS } : {})
      api.answerNext(answer)

      const outcome = await destination.send(makeBatch('channel', 3), never)

      assert.deepEqual(outcome, { rejected: [], kept: [] })
      const attempts = api.requests.map(({ headers }) => headers['amz-sdk-request'])
      assert.deepEqual(attempts, ['attempt=1; max=3', 'attempt=2; max=3'])
      const calls = new Set(api.requests.map(({ headers }) => headers['amz-sdk-invocation-id']))
      assert.equal(calls.size, 1)
    })

    test(`${name}, always: it is given up after three attempts and the batch is kept`, async (t) => {
      const { api, destination } = await setUp(t, hangs ? { timeout: IMPATIENT_MS } : {})
      api.answerWhile(() => true, answer)

      const error = await errorOf(destination.send(makeBatch('channel', 3), never))

      assert.equal(error.code, 'DestinationUnavailable')
      assert.match(error.message, /^sending a batch of 3 from channel channel to http:/)
      assert.equal(api.requests.length, 3)
    })
  }
})

test('a service that fails every other time never exhausts the retries', async (t) => {
  const { api, destination } = await setUp(t)

  for (let call = 0; call < 60; call++) {
    api.answerNext(fake.plain(500))
    await destination.send(makeBatch('channel', 1), never)
  }

  assert.equal(api.messageCount, 60)
})

describe('answers after which a batch waits for its next turn', () => {
  const waiting: Record<string, fake.FakeAnswer> = {
    '408': fake.plain(408),
    '501': fake.plain(501),
    'a redirect to a captive portal': fake.plain(302, '', { location: 'http://login.example/' }),
    'a captive portal that says 200': fake.html(200),
    'JSON that is no object': fake.plain(200, '[]'),
    'a 200 without end': fake.endlessBody(200),
  }
  for (const [name, answer] of Object.entries(waiting)) {
    test(name, async (t) => {
      const { api, destination } = await setUp(t)
      api.answerNext(answer)

      const error = await errorOf(destination.send(makeBatch('channel', 3), never))

      assert.equal(error.code, 'DestinationUnavailable')
      assert.equal(api.requests.length, 1)
      assert.equal(api.messageCount, 0)
    })
  }

  test('nobody listens', async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    assert.ok(typeof address === 'object' && address !== null)
    server.close()
    const destination = destinationFor(`http://127.0.0.1:${address.port}`)
    await destination.open()
    t.after(() => destination.close())

    const error = await errorOf(destination.send(makeBatch('channel', 3), never))

    assert.equal(error.code, 'DestinationUnavailable')
    assert.match(error.message, /ECONNREFUSED/)
  })

  test('the name is not known', async (t) => {
    const destination = destinationFor('http://nowhere.invalid')
    await destination.open()
    t.after(() => destination.close())

    const error = await errorOf(destination.send(makeBatch('channel', 3), never))

    assert.equal(error.code, 'DestinationUnavailable')
  })

  test('the peer is not HTTP', async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end('220 mail.example ESMTP\r\n')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const address = server.address()
    assert.ok(typeof address === 'object' && address !== null)
    const destination = destinationFor(`http://127.0.0.1:${address.port}`)
    await destination.open()
    t.after(() => destination.close())

    const error = await errorOf(destination.send(makeBatch('channel', 3), never))

    assert.equal(error.code, 'DestinationUnavailable')
  })

  test('calls that hang take every connection: waiting ones fail in time and are not sent late', async (t) => {
    const { api, destination } = await setUp(t, {
      maxConnections: 1,
      maxAttempts: 1,
      timeout: IMPATIENT_MS,
    })
    api.answerWhile(({ channel }) => channel !== 'after', fake.silence())
    const begun = performance.now()

    const errors = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        errorOf(destination.send(makeBatch(`c_${index}`, 1), never)),
      ),
    )

    // One after another they would take twenty times as long.
    assert.ok(performance.now() - begun < 10 * IMPATIENT_MS)
    assert.deepEqual(new Set(errors.map(({ code }) => code)), new Set(['DestinationUnavailable']))
    // If any of them were sent late, it would occupy the only connection.
    await destination.send(makeBatch('after', 1), never)
    assert.equal(api.messageCount, 1)
  })

  test('a signal shared by many sends is left without listeners', async (t) => {
    const { api, destination } = await setUp(t, { timeout: IMPATIENT_MS })
    const { signal } = new AbortController()
    api.answerNext(fake.reset(), fake.silence(), fake.plain(404))

    await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        destination.send(makeBatch(`c_${index}`, 1), signal),
      ),
    )

    assert.deepEqual(getEventListeners(signal, 'abort'), [])
  })
})
