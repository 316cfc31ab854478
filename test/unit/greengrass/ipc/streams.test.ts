/** Operations on a connection: their numbers, answers, events, errors and time limits. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { IpcConnection } from '../../../../src/greengrass/ipc/connection.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { until } from '../../../support/until.ts'
import { keepingHandler, openRig } from './connection-rig.ts'
import { SUBSCRIBE, SUBSCRIBED, TERMINATE } from './known-frames.ts'
import type { ScriptedPeer } from './scripted-nucleus.ts'

const TOPIC_MODEL = 'SubscriptionResponseMessage'

/** Calls another operation, which the nucleus answers. */
async function answerAnother(connection: IpcConnection, peer: ScriptedPeer): Promise<void> {
  const index = peer.messages.length
  const answered = connection.request('UpdateState', {})
  const { streamId } = await peer.message(index)
  peer.answer(streamId, 'UpdateStateResponse')
  await answered
}

describe('an operation that is answered once', () => {
  test('streams are numbered in the order in which their frames are written', async (t) => {
    const { connection, peer } = await openRig(t)

    const answers = ['GetConfiguration', 'UpdateState', 'PublishToTopic'].map((operation) =>
      connection.request(operation, { operation }),
    )
    await peer.message(3)
    for (const id of [3, 1, 2]) peer.answer(id, 'Response', { id })

    assert.deepEqual(await Promise.all(answers), [{ id: 1 }, { id: 2 }, { id: 3 }])
    assert.deepEqual(
      peer.messages
        .slice(1)
        .map(({ streamId, flags, headers, payload }) => [
          streamId,
          flags,
          headers.get('operation'),
          payload.toString(),
        ]),
      [
        [1, 0, 'aws.greengrass#GetConfiguration', '{"operation":"GetConfiguration"}'],
        [2, 0, 'aws.greengrass#UpdateState', '{"operation":"UpdateState"}'],
        [3, 0, 'aws.greengrass#PublishToTopic', '{"operation":"PublishToTopic"}'],
      ],
    )
  })

  for (const [nucleus, flags] of [
    ['the classic nucleus, which ends the stream', 2],
    ['nucleus lite, which leaves it open', 0],
  ] as const) {
    test(`the first answer ends the stream of ${nucleus}`, async (t) => {
      const { connection, peer } = await openRig(t)
      const answered = connection.request('GetConfiguration', {})
      await peer.message(1)

      peer.answer(1, 'GetConfigurationResponse', { value: 1 }, flags)
      peer.answer(1, 'GetConfigurationResponse', { value: 2 }, flags)

      assert.deepEqual(await answered, { value: 1 })
      const next = connection.request('UpdateState', {})
      await peer.message(2)
      peer.answer(2, 'UpdateStateResponse')
      await next
      assert.equal(peer.messages.length, 3)
    })
  }

  test('an answer that is not a JSON object fails the operation alone', async (t) => {
    const { connection, peer, ended } = await openRig(t)
    const requests = ['', 'text', '[]', 'null'].map((payload, index) => {
      const answered = connection.request('GetConfiguration', {})
      peer.send(0, 2, index + 1, { payload })
      return answered
    })

    for (const answered of requests) {
      await assert.rejects(answered, { code: 'ProtocolViolation', message: /GetConfiguration/ })
    }
    assert.deepEqual(ended, [])
  })

  test('an answer that comes too late is dropped, and the connection goes on', async (t) => {
    const clock = new ManualClock()
    const { connection, peer } = await openRig(t, { clock })
    const late = connection.request('GetConfiguration', {})
    await peer.message(1)
    await answerAnother(connection, peer)

    clock.advance(10_000)
    await assert.rejects(late, {
      code: 'DeadlineExceeded',
      message: 'GetConfiguration: expected an answer within 10000 ms, got none',
      isAnswer: false,
    })
    peer.answer(1, 'GetConfigurationResponse')

    await answerAnother(connection, peer)
    assert.equal(peer.messages.length, 4)
    assert.equal(clock.pendingCalls, 0)
  })

  test('if the nucleus sends nothing at all until a deadline, the connection ends', async (t) => {
    const clock = new ManualClock()
    const { connection, peer, ended } = await openRig(t, { clock })
    await answerAnother(connection, peer)
    const requests = ['GetConfiguration', 'UpdateState'].map((operation) =>
      connection.request(operation, {}),
    )

    clock.advance(10_000)

    for (const lost of requests) await assert.rejects(lost, { code: 'DeadlineExceeded' })
    await peer.closed()
    assert.deepEqual(
      ended.map(({ code }) => code),
      ['DeadlineExceeded'],
    )
  })

  test('an answer that is there when the deadline is noticed counts', async (t) => {
    const clock = new ManualClock()
    const { connection, peer } = await openRig(t, { clock })
    const answered = connection.request('UpdateState', {})
    await peer.message(1)

    peer.answer(1, 'UpdateStateResponse', { n: 1 })
    clock.advance(10_000)

    assert.deepEqual(await answered, { n: 1 })
  })

  test('a frame above the nucleus’s bound is not sent and takes no number', async (t) => {
    const { connection, peer } = await openRig(t)
    const text = 'x'.repeat(10_000)

    await assert.rejects(connection.request('PublishToTopic', { text }), {
      code: 'FrameTooLarge',
      message: /expected at most 10000 bytes.* got 101\d\d$/,
    })

    const answered = connection.request('UpdateState', {})
    assert.equal((await peer.message(1)).streamId, 1)
    peer.answer(1, 'UpdateStateResponse')
    await answered
  })

  test('at 2^30 streams a connection is used up, and still answers', async (t) => {
    const { connection, peer } = await openRig(t, { firstStreamId: 2 ** 30 - 1 })

    for (const id of [2 ** 30 - 1, 2 ** 30]) {
      assert.equal(connection.isUsedUp, false)
      const answered = connection.request('UpdateState', {})
      await until('it came', () => peer.messages.at(-1)?.streamId === id)
      peer.answer(id, 'UpdateStateResponse')
      await answered
    }
    assert.equal(connection.isUsedUp, true)
  })
})

describe('errors', () => {
  const errors = [
    {
      title: 'of the classic nucleus',
      model: 'UnauthorizedError',
      payload: '{"message":"no policy","_service":"x","_message":"x","_errorCode":"x"}',
      expected: ['UnauthorizedError', 'UpdateState: UnauthorizedError: no policy'],
    },
    {
      title: 'of nucleus lite',
      model: 'ResourceNotFoundError',
      payload: '{"_message":"no key","_errorCode":"ResourceNotFoundError"}',
      expected: ['ResourceNotFoundError', 'UpdateState: ResourceNotFoundError: no key'],
    },
    {
      title: 'with an empty text',
      model: 'ServiceError',
      payload: '{"_message":""}',
      expected: ['ServiceError', 'UpdateState: ServiceError: the nucleus gives no reason'],
    },
    {
      title: 'with a code in the payload alone',
      model: undefined,
      payload: '{"_message":"wrong","_errorCode":"InvalidArgumentsError"}',
      expected: ['InvalidArgumentsError', 'UpdateState: InvalidArgumentsError: wrong'],
    },
    {
      title: 'in plain text',
      model: undefined,
      payload: 'InternalServerError',
      expected: ['ServiceError', 'UpdateState: ServiceError: InternalServerError'],
    },
    {
      title: 'about an unknown operation',
      model: undefined,
      payload: '{"error":"Unsupported Operation"}',
      expected: ['ServiceError', 'UpdateState: ServiceError: Unsupported Operation'],
    },
    {
      title: 'of an unknown model',
      model: 'NewError',
      payload: '{"message":"new"}',
      expected: ['ServiceError', 'UpdateState: ServiceError: new'],
    },
  ]
  for (const { title, model, payload, expected } of errors) {
    test(`an error ${title} has a code and a text`, async (t) => {
      const { connection, peer } = await openRig(t)
      const failed = connection.request('UpdateState', {})
      await peer.message(1)

      peer.fail(1, model, payload)

      await assert.rejects(failed, {
        name: 'IpcError',
        code: expected[0],
        message: expected[1],
        isAnswer: true,
      })
    })
  }

  test('an error fails a subscription, and its handler hears nothing', async (t) => {
    const { connection, peer } = await openRig(t)
    const { handler, events, ended } = keepingHandler()
    const failed = connection.subscribe('SubscribeToTopic', {}, handler)
    await peer.message(1)

    peer.fail(1, 'UnauthorizedError', '{"message":"no policy"}')

    await assert.rejects(failed, { code: 'UnauthorizedError' })
    assert.deepEqual([...events, ...ended], [])
  })
})

describe('a subscription', () => {
  test('it is confirmed, takes events, and is ended with the frame that the nucleus expects', async (t) => {
    const { connection, peer } = await openRig(t)
    const { handler, events, ended } = keepingHandler()
    const request = JSON.parse(SUBSCRIBE.payload)
    const subscribed = connection.subscribe('SubscribeToTopic', request, handler)
    await peer.message(1)
    peer.socket.write(SUBSCRIBED.bytes)
    const subscription = await subscribed

    peer.answer(1, TOPIC_MODEL, { n: 1 })
    peer.answer(1, TOPIC_MODEL, { n: 2 })
    await until('both events came', () => events.length === 2)
    subscription.close()
    subscription.close()
    await peer.message(2)
    peer.answer(1, TOPIC_MODEL, { n: 3 })
    const answered = connection.request('UpdateState', {})
    await peer.message(3)
    peer.answer(2, 'UpdateStateResponse')
    await answered

    assert.deepEqual(events, [{ n: 1 }, { n: 2 }])
    assert.deepEqual(ended, [])
    const sent = Buffer.concat(peer.bytes)
    assert.ok(sent.includes(SUBSCRIBE.bytes))
    assert.ok(sent.includes(TERMINATE.bytes))
    assert.equal(peer.messages.length, 4)
  })

  test('an event that comes before the response is handed over, and the subscription stands', async (t) => {
    const { connection, peer } = await openRig(t)
    const { handler, events } = keepingHandler()
    const subscribed = connection.subscribe('SubscribeToTopic', {}, handler)
    await peer.message(1)

    peer.answer(1, TOPIC_MODEL, { n: 1 })
    await until('the event came', () => events.length === 1)
    peer.answer(1, 'SubscribeToTopicResponse')
    await subscribed
    peer.answer(1, TOPIC_MODEL, { n: 2 })

    await until('the next one came', () => events.length === 2)
    assert.deepEqual(events, [{ n: 1 }, { n: 2 }])
  })

  test('an event that comes with the flag that ends the stream is handed over', async (t) => {
    const { connection, peer } = await openRig(t)
    const { handler, events, ended } = keepingHandler()
    const subscribed = connection.subscribe('SubscribeToTopic', {}, handler)
    await peer.message(1)
    peer.answer(1, 'SubscribeToTopicResponse')
    const subscription = await subscribed

    peer.answer(1, TOPIC_MODEL, { n: 1 }, 2)

    await until('it had ended', () => ended.length === 1)
    assert.deepEqual(events, [{ n: 1 }])
    assert.deepEqual(ended, ['StreamEnded'])
    subscription.close()
    const answered = connection.request('UpdateState', {})
    await peer.message(2)
    peer.answer(2, 'UpdateStateResponse')
    await answered
    assert.equal(peer.messages.length, 3)
  })

  test('the nucleus may end a subscription with an error or an empty frame', async (t) => {
    const { connection, peer } = await openRig(t)
    const first = keepingHandler()
    const second = keepingHandler()
    const subscribed = [first, second].map(({ handler }) =>
      connection.subscribe('SubscribeToTopic', {}, handler),
    )
    await peer.message(2)
    for (const id of [1, 2]) peer.answer(id, 'SubscribeToTopicResponse')
    await Promise.all(subscribed)

    peer.fail(1, 'ServiceError', '{}')
    peer.send(0, 2, 2)

    await until('both had ended', () => second.ended.length === 1)
    assert.deepEqual(first.ended, ['ServiceError'])
    assert.deepEqual(second.ended, ['StreamEnded'])
    assert.deepEqual([...first.events, ...second.events], [])
  })

  test('a response that also ends the stream is a failure', async (t) => {
    const { connection, peer } = await openRig(t)
    const { handler, ended } = keepingHandler()
    const failed = connection.subscribe('SubscribeToTopic', {}, handler)
    await peer.message(1)

    peer.answer(1, 'SubscribeToTopicResponse', {}, 2)

    await assert.rejects(failed, { code: 'StreamEnded' })
    assert.deepEqual(ended, [])
  })

  test('a subscription that is not confirmed in time is ended at the nucleus too', async (t) => {
    const clock = new ManualClock()
    const { connection, peer } = await openRig(t, { clock })
    const { handler, events, ended } = keepingHandler()
    const late = connection.subscribe('SubscribeToTopic', {}, handler)
    await peer.message(1)

    await answerAnother(connection, peer)
    clock.advance(10_000)
    await assert.rejects(late, { code: 'DeadlineExceeded' })

    const terminate = await peer.message(3)
    assert.deepEqual([terminate.type, terminate.flags, terminate.streamId], [0, 2, 1])
    peer.answer(1, 'SubscribeToTopicResponse')
    peer.answer(1, TOPIC_MODEL, { n: 1 })
    await answerAnother(connection, peer)
    assert.deepEqual([...events, ...ended], [])
  })

  test('an event that can’t be read is counted, and the next one is handed over', async (t) => {
    const { connection, peer, dropped } = await openRig(t)
    const { handler, events } = keepingHandler()
    const strict = keepingHandler(false)
    const subscribed = [handler, strict.handler].map((each) =>
      connection.subscribe('SubscribeToTopic', {}, each),
    )
    await peer.message(2)
    for (const id of [1, 2]) peer.answer(id, 'SubscribeToTopicResponse')
    await Promise.all(subscribed)

    peer.send(0, 0, 1, { model: TOPIC_MODEL, payload: '{"n":' })
    peer.answer(1, TOPIC_MODEL, [1])
    peer.answer(2, TOPIC_MODEL, { unexpected: true })
    peer.answer(1, TOPIC_MODEL, { n: 1 })

    await until('the event came', () => events.length === 1)
    assert.deepEqual(events, [{ n: 1 }])
    assert.deepEqual(dropped, ['unreadable', 'unreadable', 'unreadable'])
  })

  test('an event above 1 MiB is counted, and the next one is handed over', async (t) => {
    const { connection, peer, dropped } = await openRig(t)
    const { handler, events } = keepingHandler()
    const subscribed = connection.subscribe('SubscribeToTopic', {}, handler)
    await peer.message(1)
    peer.answer(1, 'SubscribeToTopicResponse')
    await subscribed

    peer.answer(1, TOPIC_MODEL, { text: 'x'.repeat(1024 * 1024) })
    peer.answer(1, TOPIC_MODEL, { n: 1 })

    await until('the event came', () => events.length === 1)
    assert.deepEqual(events, [{ n: 1 }])
    assert.deepEqual(dropped, ['oversized'])
  })
})
