/** Answers that reject a batch or some of its messages. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeBatch } from '../../../support/channels/batch-maker.ts'
import { errorOf, never, setUp } from '../../../support/destinations/destination-under-test.ts'
import * as fake from '../../../support/destinations/fake-answers.ts'

describe('answers that reject the whole batch', () => {
  for (const name of [
    'InvalidRequestException',
    'ResourceNotFoundException',
    'ResourceAlreadyExistsException',
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
    '422 without a name': [fake.plain(422, '{"message":"Too odd"}'), /Too odd$/],
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

test('413: a batch is divided, and a message alone is rejected', async (t) => {
  const { api, destination } = await setUp(t)
  api.answerNext(fake.html(413), fake.html(413))

  const several = await errorOf(destination.send(makeBatch('channel', 2), never))
  const alone = await errorOf(destination.send(makeBatch('channel', 1), never))

  assert.equal(several.code, 'ContentRefused')
  assert.equal(alone.code, 'DestinationRefused')
  assert.match(alone.message, /status 413: 413 from a proxy$/)
})

test('a batch of more than 100 that is refused is divided: the service may take no more', async (t) => {
  const { api, destination } = await setUp(t)
  const refused = fake.exception('InvalidRequestException', { message: 'messages: at most 100' })
  api.answerNext(refused, refused)

  const many = await errorOf(destination.send(makeBatch('channel', 101), never))
  const few = await destination.send(makeBatch('channel', 100), never)

  assert.equal(many.code, 'ContentRefused')
  assert.equal(few.rejected.length, 100)
})

describe('answers that an operator can change', () => {
  for (const name of [
    'AccessDeniedException',
    'UnrecognizedClientException',
    'InvalidSignatureException',
    'IncompleteSignatureException',
    'MissingAuthenticationTokenException',
  ] as const) {
    test(`${name}: the batch is kept, one attempt is made, and the error says what to check`, async (t) => {
      const { api, destination } = await setUp(t)
      api.answerNext(fake.exception(name, { message: 'not you' }))

      const error = await errorOf(destination.send(makeBatch('channel', 2), never))

      assert.equal(error.code, 'DestinationDenied')
      assert.equal(error.effect, 'retry')
      assert.match(error.message, new RegExp(`${name}: not you\\. The messages are kept\\. Check`))
      assert.equal(api.requests.length, 1)
    })
  }

  const foreign: Record<string, [fake.FakeAnswer, string, RegExp]> = {
    '401 without a name': [fake.plain(401), 'DestinationDenied', /status 401 and no body/],
    '403 without a name': [fake.plain(403, '{"message":"Forbidden"}'), 'DestinationDenied', /Forb/],
    '403 in HTML': [fake.html(403), 'DestinationDenied', /status 403: 403 from a proxy/],
    '407 of a proxy': [fake.html(407), 'DestinationDenied', /status 407: 407 from a proxy/],
    '404 without a body': [fake.plain(404), 'DestinationUnavailable', /status 404 and no body$/],
    '404 in HTML': [fake.html(404), 'DestinationUnavailable', /status 404: 404 from a proxy$/],
    '400 in HTML': [fake.html(400), 'DestinationUnavailable', /status 400: 400 from a proxy$/],
    '400 in HTML without end': [fake.endlessBody(400), 'DestinationUnavailable', /400: x{200}$/],
    'a login page with status 200': [
      fake.html(200),
      'DestinationUnavailable',
      /status 200: 200 from/,
    ],
  }
  for (const [name, [answer, code, message]] of Object.entries(foreign)) {
    test(`${name} does not come from the service: the batch is kept`, async (t) => {
      const { api, destination } = await setUp(t)
      api.answerNext(answer)

      const error = await errorOf(destination.send(makeBatch('channel', 2), never))

      assert.equal(error.code, code)
      assert.equal(error.effect, 'retry')
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

  test('client errors reject; server errors, throttling and missing permissions keep, by name or status', async (t) => {
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
      '0a1b2c3d-9': 'AccessDeniedException',
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
    assert.deepEqual(outcome.kept, [4, 5, 6, 7, 8, 9])
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

  test('in a batch of one, an entry can only mean that message', async (t) => {
    const { api, destination } = await setUp(t)
    api.answerNext(body(entry('cut short', 'InvalidRequestException')))

    const outcome = await destination.send(makeBatch('channel', 1), never)

    assert.deepEqual(
      outcome.rejected.map(({ index, refusal }) => [index, refusal.error]),
      [[0, 'InvalidRequestException']],
    )
  })
})
