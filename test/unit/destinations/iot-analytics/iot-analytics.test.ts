/** The destination against a service that checks every request: contract, wire, every kind of answer. */
import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type Clock, systemClock } from '../../../../src/clock.ts'
import type { BatchOutcome } from '../../../../src/destinations/destination.ts'
import { IotAnalyticsDestination } from '../../../../src/destinations/iot-analytics/destination.ts'
import { iotAnalyticsOptions } from '../../../../src/destinations/iot-analytics/options.ts'
import { ConnectorError } from '../../../../src/errors.ts'
import { destinationContract } from '../../../contract/destination.contract.ts'
import { makeBatch, makeMessage } from '../../../support/channels/batch-maker.ts'
import * as fake from '../../../support/destinations/fake-answers.ts'
import {
  FAKE_IDENTITY,
  FakeIotAnalytics,
  type FakeOptions,
} from '../../../support/destinations/fake-iot-analytics.ts'

const REGION = 'us-west-2'
const TIMEOUT_MS = 250
const never = new AbortController().signal

/** The system's, whose timers keep the process alive while a test waits for nothing else. */
const clock: Clock = {
  ...systemClock,
  after(delayMs, call) {
    const timeout = setTimeout(call, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
}

interface Given extends FakeOptions {
  readonly timeout?: number
  readonly maxAttempts?: number
  readonly maxConnections?: number
  readonly anonymous?: boolean
}

async function setUp(t: TestContext, given: Given = {}) {
  const api = await FakeIotAnalytics.start(t, given)
  const destination = destinationFor(api.url, given)
  await destination.open()
  t.after(() => destination.close())
  return { api, destination }
}

function destinationFor(endpoint: string, given: Given = {}): IotAnalyticsDestination {
  const { timeout = TIMEOUT_MS, anonymous, identity: _, ...rest } = given
  const { maxAttempts = 3, maxConnections = 50 } = rest
  const credentials = anonymous ? { anonymous } : (given.identity ?? FAKE_IDENTITY)
  return new IotAnalyticsDestination({
    name: 'cloud',
    options: iotAnalyticsOptions.parse({
      endpoint,
      timeout,
      maxAttempts,
      maxConnections,
      credentials,
    }),
    region: REGION,
    clock,
    random: () => 0.01,
  })
}

async function errorOf(sent: Promise<BatchOutcome>): Promise<ConnectorError> {
  const thrown = await sent.then(
    (outcome) => assert.fail(`settled with ${JSON.stringify(outcome)}`),
    (error: unknown) => error,
  )
  assert.ok(thrown instanceof ConnectorError, String(thrown))
  return thrown
}

destinationContract('iotAnalytics', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  return {
    destination: destinationFor(api.url),
    maxSendMs: 3 * TIMEOUT_MS + 1_500,
    peer: {
      received: (channel) => api.received(channel),
      hang: () => api.answerWhile(() => true, fake.silence()),
      fail: () => api.answerWhile(() => true, fake.plain(503)),
      refuse(forGood, forNow) {
        const refused = fake.refusing(({ messageId }) => {
          if (forGood.includes(messageId)) {
            return { messageId, errorCode: 'InvalidRequestException', errorMessage: 'no' }
          }
          if (!forNow.includes(messageId)) return undefined
          return { messageId, errorCode: 'ThrottlingException', errorMessage: 'later' }
        })
        api.answerWhile(() => true, refused)
      },
      recover: () => api.recover(),
      reached: () => api.until(() => api.requests.length > 0),
    },
  }
})

describe('what goes out', () => {
  test('any payload and any id that BatchPutMessage allows arrives as it was', async (t) => {
    const { api, destination } = await setUp(t)
    const messageIds = fc.uniqueArray(
      fc.string({
        unit: fc.integer({ min: 0, max: 127 }).map((code) => String.fromCharCode(code)),
        minLength: 1,
        maxLength: 128,
      }),
      { minLength: 1, maxLength: 20 },
    )
    let run = 0

    await fc.assert(
      fc.asyncProperty(messageIds, fc.uint8Array({ maxLength: 3_000 }), async (ids, bytes) => {
        const channel = `channel_${run++}`
        const messages = ids.map((messageId, offset) =>
          makeMessage(offset, { messageId, payload: Buffer.from(bytes.subarray(offset)) }),
        )

        await destination.send({ channel, messages }, never)

        const received = api.received(channel)
        assert.deepEqual(
          received,
          messages.map(({ messageId, payload }) => ({ messageId, payload })),
        )
      }),
      { numRuns: 150 },
    )

    assert.deepEqual(api.violations, [])
  })

  test('a full batch of the largest messages goes out in one request', async (t) => {
    const { api, destination } = await setUp(t, { timeout: 10_000 })
    const payload = Buffer.alloc(131_072, 0xfe)
    const messages = Array.from({ length: 100 }, (_, offset) => makeMessage(offset, { payload }))

    const outcome = await destination.send({ channel: 'large', messages }, never)

    assert.deepEqual(outcome, { rejected: [], kept: [] })
    assert.deepEqual(api.violations, [])
    assert.equal(api.received('large').length, 100)
  })

  test('connections are kept, and never more than allowed', async (t) => {
    const { api, destination } = await setUp(t, { maxConnections: 2 })

    for (let round = 0; round < 5; round++) {
      const batches = Array.from({ length: 8 }, (_, index) => makeBatch(`channel_${index}`, 1))
      await Promise.all(batches.map((batch) => destination.send(batch, never)))
    }

    assert.equal(api.requests.length, 40)
    assert.equal(api.connections, 2)
  })

  test('a session token is sent and signed', async (t) => {
    const identity = { ...FAKE_IDENTITY, sessionToken: 'FwoGZXIvYXdzEXAMPLE+/=' }
    const { api, destination } = await setUp(t, { identity })

    const outcome = await destination.send(makeBatch('channel', 2), never)

    assert.deepEqual(outcome, { rejected: [], kept: [] })
    assert.deepEqual(api.violations, [])
  })

  test('anonymous means without a signature', async (t) => {
    const { api, destination } = await setUp(t, { identity: null, anonymous: true })

    await destination.send(makeBatch('channel', 2), never)

    assert.equal(api.requests[0]?.headers.authorization, undefined)
    assert.deepEqual(api.violations, [])
  })

  test('an endpoint may have a path, which is signed', async (t) => {
    const { api, destination } = await setUp(t, { basePath: '/stage/a%20b' })

    await destination.send(makeBatch('channel', 2), never)

    assert.equal(api.requests[0]?.path, '/stage/a%20b/messages/batch')
    assert.equal(api.received('channel').length, 2)
  })

  test('without an endpoint the region says where, China too', () => {
    const described = (region: string) =>
      new IotAnalyticsDestination({
        name: 'cloud',
        options: iotAnalyticsOptions.parse({}),
        region,
        clock,
      }).description

    assert.match(described('eu-west-1'), /https:\/\/iotanalytics\.eu-west-1\.amazonaws\.com /)
    assert.match(described('cn-north-1'), /https:\/\/iotanalytics\.cn-north-1\.amazonaws\.com\.cn /)
  })
})

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
    silence: fake.silence(),
    'a body that drips': fake.slowBody(200, 20),
    'a body that stalls': fake.slowBody(200, 60_000),
  }
  for (const [name, answer] of Object.entries(passing)) {
    test(`${name}: the second attempt succeeds`, async (t) => {
      const { api, destination } = await setUp(t)
      api.answerNext(answer)

      const outcome = await destination.send(makeBatch('channel', 3), never)

      assert.deepEqual(outcome, { rejected: [], kept: [] })
      const attempts = api.requests.map(({ headers }) => headers['amz-sdk-request'])
      assert.deepEqual(attempts, ['attempt=1; max=3', 'attempt=2; max=3'])
      const calls = new Set(api.requests.map(({ headers }) => headers['amz-sdk-invocation-id']))
      assert.equal(calls.size, 1)
    })

    test(`${name}, always: given up after three attempts, the batch kept`, async (t) => {
      const { api, destination } = await setUp(t)
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

  test('calls that hang take every connection: who waits is told in time and not sent late', async (t) => {
    const { api, destination } = await setUp(t, { maxConnections: 1, maxAttempts: 1 })
    api.answerWhile(({ channel }) => channel !== 'after', fake.silence())
    const begun = performance.now()

    const errors = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        errorOf(destination.send(makeBatch(`c_${index}`, 1), never)),
      ),
    )

    // One after the other they would take twenty times as long.
    assert.ok(performance.now() - begun < 10 * TIMEOUT_MS)
    assert.deepEqual(new Set(errors.map(({ code }) => code)), new Set(['DestinationUnavailable']))
    // Any of them sent late would take the only connection and never give it back.
    await destination.send(makeBatch('after', 1), never)
    assert.equal(api.messageCount, 1)
  })

  test('a signal shared by many sends is left without listeners', async (t) => {
    const { api, destination } = await setUp(t)
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

describe('answers that refuse the batch for good', () => {
  for (const name of [
    'InvalidRequestException',
    'ResourceNotFoundException',
    'ResourceAlreadyExistsException',
    'AccessDeniedException',
    'UnrecognizedClientException',
    'InvalidSignatureException',
    'MissingAuthenticationTokenException',
  ] as const) {
    test(`${name}: every message rejected with the service's own name`, async (t) => {
      const { api, destination } = await setUp(t)
      api.answerNext(fake.exception(name, { message: 'Channel nope does not exist' }))

      const outcome = await destination.send(makeBatch('nope', 2), never)

      const refusal = { error: name, message: 'Channel nope does not exist' }
      assert.deepEqual(outcome, {
        rejected: [
          { index: 0, refusal },
          { index: 1, refusal },
        ],
        kept: [],
      })
      assert.equal(api.requests.length, 1)
    })
  }

  const unnamed: Record<string, [fake.FakeAnswer, RegExp]> = {
    '413 in HTML': [fake.html(413), /status 413: 413 from a proxy$/],
    '403 without a name': [fake.plain(403, '{"message":"Forbidden"}'), /Forbidden$/],
    '404 without a body': [fake.plain(404), /status 404 and no body$/],
    '400 without end': [fake.endlessBody(400), /status 400: x{200}$/],
    '400 that breaks off': [fake.cutBody(400, 'bad'), /status 400: bad$/],
  }
  for (const [name, [answer, message]] of Object.entries(unnamed)) {
    test(`${name}: DestinationRefused`, async (t) => {
      const { api, destination } = await setUp(t)
      api.answerNext(answer)

      const error = await errorOf(destination.send(makeBatch('channel', 2), never))

      assert.equal(error.code, 'DestinationRefused')
      assert.equal(error.effect, 'reject')
      assert.match(error.message, message)
      assert.equal(api.requests.length, 1)
    })
  }
})

describe('error entries', () => {
  const entry = (messageId: string | undefined, errorCode?: string) => ({
    messageId,
    errorCode,
    errorMessage: errorCode === undefined ? undefined : `because of ${errorCode}`,
  })

  test('client errors reject, server errors and throttling keep, by name or status', async (t) => {
    const { api, destination } = await setUp(t)
    const codes: Record<string, string> = {
      '0a1b2c3d-0': 'InvalidRequestException',
      '0a1b2c3d-1': '400',
      '0a1b2c3d-2': 'SomethingNobodyDocumented',
      '0a1b2c3d-4': 'ThrottlingException',
      '0a1b2c3d-5': 'InternalFailureException',
      '0a1b2c3d-6': 'ServiceUnavailableException',
      '0a1b2c3d-7': '429',
      '0a1b2c3d-8': '503',
    }
    api.answerNext(
      fake.refusing(({ messageId }) => {
        const code = codes[messageId]
        return code === undefined ? undefined : entry(messageId, code)
      }),
    )

    const outcome = await destination.send(makeBatch('channel', 10), never)

    assert.deepEqual(
      outcome.rejected.map(({ index, refusal }) => [index, refusal.error, refusal.message]),
      [
        [0, 'InvalidRequestException', 'because of InvalidRequestException'],
        [1, '400', 'because of 400'],
        [2, 'SomethingNobodyDocumented', 'because of SomethingNobodyDocumented'],
      ],
    )
    assert.deepEqual(outcome.kept, [4, 5, 6, 7, 8])
  })

  const body = (...entries: unknown[]) =>
    fake.plain(200, JSON.stringify({ batchPutMessageErrorEntries: entries }))
  const shapes: Record<string, [fake.FakeAnswer, number[], number[]]> = {
    'no list at all': [fake.plain(200, '{}'), [], []],
    'no body at all': [fake.plain(200, ''), [], []],
    'a list that is none': [fake.plain(200, '{"batchPutMessageErrorEntries":7}'), [], []],
    'an entry without a code': [body(entry('0a1b2c3d-1')), [], [1]],
    'an entry for an unknown id keeps all': [body(entry('nobody', '400')), [], [0, 1, 2]],
    'an entry without an id keeps all that is not named': [
      body(entry(undefined, '400'), entry('0a1b2c3d-2', '400')),
      [2],
      [0, 1],
    ],
    'entries of wrong types keep all': [body(null, 3, [], { messageId: {} }), [], [0, 1, 2]],
    'one id twice is settled once': [
      body(entry('0a1b2c3d-1', '500'), entry('0a1b2c3d-1', '400')),
      [1],
      [],
    ],
  }
  for (const [name, [answer, rejected, kept]] of Object.entries(shapes)) {
    test(name, async (t) => {
      const { api, destination } = await setUp(t)
      api.answerNext(answer)

      const outcome = await destination.send(makeBatch('channel', 3), never)

      assert.deepEqual(
        outcome.rejected.map(({ index }) => index),
        rejected,
      )
      assert.deepEqual(outcome.kept, kept)
    })
  }

  test('in a batch of one an entry can only mean the one', async (t) => {
    const { api, destination } = await setUp(t)
    api.answerNext(body(entry('cut short', 'InvalidRequestException')))

    const outcome = await destination.send(makeBatch('channel', 1), never)

    assert.deepEqual(
      outcome.rejected.map(({ index, refusal }) => [index, refusal.error]),
      [[0, 'InvalidRequestException']],
    )
  })
})

describe('clocks', () => {
  for (const hours of [-26, -1, 1, 26]) {
    test(`a service whose clock is ${hours} hours ahead: corrected once, then right`, async (t) => {
      const { api, destination } = await setUp(t, { clockOffsetMs: hours * 3_600_000 })

      assert.deepEqual(await destination.send(makeBatch('channel', 1), never), {
        rejected: [],
        kept: [],
      })
      await destination.send(makeBatch('channel', 1), never)

      assert.equal(api.requests.length, 3)
      assert.deepEqual(
        api.requests.map(({ status }) => status),
        [403, 200, 200],
      )
    })
  }

  test('many calls at once correct the clock together', async (t) => {
    const { api, destination } = await setUp(t, { clockOffsetMs: 3_600_000 })

    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => destination.send(makeBatch(`c_${index}`, 1), never)),
    )

    for (const outcome of outcomes) assert.deepEqual(outcome, { rejected: [], kept: [] })
    assert.equal(api.messageCount, 20)
  })

  test('a complaint about the time that the date does not explain keeps the batch', async (t) => {
    const { api, destination } = await setUp(t)
    api.answerNext(fake.exception('RequestTimeTooSkewed'))

    const error = await errorOf(destination.send(makeBatch('channel', 1), never))

    assert.equal(error.code, 'DestinationUnavailable')
    assert.equal(api.requests.length, 1)
  })

  test('expired credentials that were configured keep the batch', async (t) => {
    const { api, destination } = await setUp(t)
    api.answerNext(fake.exception('ExpiredTokenException'))

    const error = await errorOf(destination.send(makeBatch('channel', 1), never))

    assert.equal(error.code, 'CredentialsUnavailable')
    assert.equal(error.effect, 'retry')
    assert.equal(api.requests.length, 1)
  })
})
