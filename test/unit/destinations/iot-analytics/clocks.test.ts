/** Complaints of the service about the time of a request or the age of its credentials. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeBatch } from '../../../support/channels/batch-maker.ts'
import { errorOf, never, setUp } from '../../../support/destinations/destination-under-test.ts'
import * as fake from '../../../support/destinations/fake-answers.ts'

describe('clocks', () => {
  for (const hours of [-26, -1, 1, 26]) {
    test(`a service whose clock is ${hours} hours ahead is corrected for once and then right`, async (t) => {
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

  test('an error about the time that the date does not explain keeps the batch', async (t) => {
    const { api, destination } = await setUp(t)
    api.answerNext(fake.exception('RequestTimeTooSkewed'))

    const error = await errorOf(destination.send(makeBatch('channel', 1), never))

    assert.equal(error.code, 'DestinationUnavailable')
    assert.equal(api.requests.length, 1)
  })

  test('configured credentials that have expired keep the batch', async (t) => {
    const { api, destination } = await setUp(t)
    api.answerNext(fake.exception('ExpiredTokenException'))

    const error = await errorOf(destination.send(makeBatch('channel', 1), never))

    assert.equal(error.code, 'CredentialsUnavailable')
    assert.equal(error.effect, 'retry')
    assert.equal(api.requests.length, 1)
  })
})
