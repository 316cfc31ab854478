/** The destination against a service that checks every request: contract and requests. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { IotAnalyticsDestination } from '../../../../src/destinations/iot-analytics/destination.ts'
import { iotAnalyticsOptions } from '../../../../src/destinations/iot-analytics/options.ts'
import { destinationContract } from '../../../contract/destination.contract.ts'
import { batchOf, makeBatch, makeMessage } from '../../../support/channels/batch-maker.ts'
import {
  clock,
  destinationFor,
  never,
  setUp,
} from '../../../support/destinations/destination-under-test.ts'
import * as fake from '../../../support/destinations/fake-answers.ts'
import {
  FAKE_IDENTITY,
  FakeIotAnalytics,
} from '../../../support/destinations/fake-iot-analytics.ts'

destinationContract('iotAnalytics', async (t, timeoutMs) => {
  const api = await FakeIotAnalytics.start(t)
  return {
    destination: destinationFor(api.url, { timeout: timeoutMs }),
    maxSendMs: 3 * timeoutMs + 1_500,
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
      deny: () => api.answerWhile(() => true, fake.exception('AccessDeniedException')),
      loseAnswers: () => api.answerWhile(() => true, fake.acceptedThenReset()),
      slow: (delayMs) => api.answerWhile(() => true, fake.late(delayMs)),
      reached: () => api.until(() => api.requests.length > 0),
    },
  }
})

describe('what goes out', () => {
  test('any payload and any id that BatchPutMessage allows arrives unchanged', async (t) => {
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

        await destination.send(batchOf(channel, messages), never)

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

    const outcome = await destination.send(batchOf('large', messages), never)

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

  test('anonymous requests have no signature', async (t) => {
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

  test('a call to AWS has at most 100 messages, and one to another endpoint 1,000', () => {
    const isValid = (options: object) => iotAnalyticsOptions.safeParse(options).success
    const endpoint = 'https://site.example:8090'

    assert.ok(isValid({ maxBatchMessages: 100 }))
    assert.ok(!isValid({ maxBatchMessages: 101 }))
    assert.ok(isValid({ maxBatchMessages: 1_000, endpoint }))
    assert.ok(!isValid({ maxBatchMessages: 1_001, endpoint }))
  })

  test('without an endpoint the region determines it, also in China', () => {
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
