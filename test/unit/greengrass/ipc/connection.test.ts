/** A connection to a nucleus: the login, and every way in which it ends. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeFrame } from '../../../../src/greengrass/ipc/frame.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { settled } from '../../../support/settled.ts'
import { until } from '../../../support/until.ts'
import { keepingHandler, openRig, rig } from './connection-rig.ts'
import { CONNECT, REFUSED, SUBSCRIBED, TOKEN } from './known-frames.ts'
import { frameOf } from './scripted-nucleus.ts'

const NOT_ACCEPTED = { name: 'IpcError', code: 'NotAccepted' }

describe('the login', () => {
  test('the login is the first frame, and nothing follows before the answer', async (t) => {
    const { nucleus, connection } = await rig(t)
    const opened = connection.open()
    const peer = await nucleus.login()

    await assert.rejects(connection.request('UpdateState', {}), { code: 'NotConnected' })
    await settled()
    assert.deepEqual(Buffer.concat(peer.bytes), CONNECT.bytes)
    assert.equal(connection.isOpen, false)

    peer.accept()
    assert.deepEqual(await opened, { authToken: undefined })
    assert.equal(connection.isOpen, true)
  })

  test('a login by component name returns a token', async (t) => {
    const { nucleus, connection } = await rig(t, { login: { componentName: 'com.example.Us' } })
    const opened = connection.open()
    const peer = await nucleus.login()
    assert.deepEqual(peer.login, { componentName: 'com.example.Us' })

    peer.accept([['svcuid', TOKEN]])

    assert.deepEqual(await opened, { authToken: TOKEN })
  })

  test('a refusal in an answer is reported, and not as the end of a connection', async (t) => {
    const { nucleus, connection, ended } = await rig(t)
    const opened = connection.open()
    const peer = await nucleus.login()

    peer.socket.write(REFUSED.bytes)

    await assert.rejects(opened, NOT_ACCEPTED)
    await peer.closed()
    assert.deepEqual(ended, [])
  })

  test('a connection that is closed instead of an answer counts as a refusal', async (t) => {
    const { nucleus, connection, ended } = await rig(t)
    const opened = connection.open()
    const peer = await nucleus.login()

    peer.socket.end()

    await assert.rejects(opened, NOT_ACCEPTED)
    assert.deepEqual(ended, [])
  })

  test('a login without an answer fails after 5 seconds', async (t) => {
    const clock = new ManualClock()
    const { nucleus, connection } = await rig(t, { clock })
    const opened = connection.open()
    const peer = await nucleus.login()

    clock.advance(5_000)

    await assert.rejects(opened, { code: 'DeadlineExceeded', message: /within 5 s/ })
    await peer.closed()
  })

  test('a socket that does not exist is named', async (t) => {
    const { nucleus, connection } = await rig(t)
    await nucleus.stop()

    const message = new RegExp(`${nucleus.socketPath}: .*ENOENT`)
    await assert.rejects(connection.open(), { code: 'Unreachable', message })
  })

  test('any frame but the answer to the login ends the attempt', async (t) => {
    const { nucleus, connection } = await rig(t)
    const opened = connection.open()
    const peer = await nucleus.login()

    peer.send(2, 0, 0)

    await assert.rejects(opened, { code: 'ProtocolViolation' })
  })

  test('closing during the login ends the attempt', async (t) => {
    const { nucleus, connection, ended } = await rig(t)
    const opened = connection.open()
    await nucleus.login()

    connection.abort()

    await assert.rejects(opened, { code: 'NotConnected' })
    assert.deepEqual(ended, [])
  })
})

describe('the end of a connection', () => {
  test('if the nucleus closes silently, all that waits fails and subscriptions end', async (t) => {
    const { connection, peer, ended } = await openRig(t)
    const subscription = keepingHandler()
    const subscribed = connection.subscribe('SubscribeToTopic', {}, subscription.handler)
    await peer.message(1)
    peer.answer(1, 'SubscribeToTopicResponse')
    await subscribed
    const lost = connection.request('UpdateState', {})
    await peer.message(2)

    peer.socket.end()

    await assert.rejects(lost, { code: 'ConnectionLost' })
    assert.deepEqual(subscription.ended, ['ConnectionLost'])
    assert.deepEqual(
      ended.map(({ code }) => code),
      ['ConnectionLost'],
    )
    await assert.rejects(connection.request('UpdateState', {}), { code: 'NotConnected' })
  })

  test('an end in the middle of a frame is named as such', async (t) => {
    const { connection, peer } = await openRig(t)
    const lost = connection.request('UpdateState', {})
    await peer.message(1)

    peer.socket.end(SUBSCRIBED.bytes.subarray(0, 100))

    await assert.rejects(lost, { code: 'ConnectionLost', message: /in the middle of a frame/ })
  })

  test('half a frame and then another ends the connection', async (t) => {
    const { connection, peer } = await openRig(t)
    const lost = connection.request('UpdateState', {})
    await peer.message(1)

    peer.socket.write(SUBSCRIBED.bytes.subarray(0, 100))
    peer.answer(1, 'UpdateStateResponse')
    peer.answer(1, 'UpdateStateResponse')

    await assert.rejects(lost, { code: 'ProtocolViolation', message: /checksum/ })
    await peer.closed()
  })

  const violations = [
    { title: 'a frame for a stream that was never opened', frame: frameOf(0, 0, 2) },
    { title: 'a frame for stream 0 that is an answer', frame: frameOf(0, 0, 0) },
    { title: 'a frame for a negative stream', frame: frameOf(1, 0, -1) },
    { title: 'a second answer to the login', frame: frameOf(5, 1, 0) },
    { title: 'a login of the nucleus', frame: frameOf(4, 0, 0) },
    { title: 'an unknown type', frame: frameOf(8, 0, 0) },
    { title: 'a frame without headers', frame: encodeFrame([]) },
    { title: 'a type that is text', frame: encodeFrame([[':message-type', '0']]) },
  ]
  for (const { title, frame } of violations) {
    test(`${title} ends the connection`, async (t) => {
      const { connection, peer, ended } = await openRig(t)
      const lost = connection.request('UpdateState', {})
      await peer.message(1)

      peer.socket.write(frame)

      await assert.rejects(lost, { code: 'ProtocolViolation' })
      await peer.closed()
      assert.equal(ended.length, 1)
    })
  }

  for (const [name, type] of [
    ['a protocol error', 6],
    ['an internal error', 7],
  ] as const) {
    test(`${name} ends the connection with the nucleus’s text`, async (t) => {
      const { peer, ended } = await openRig(t)

      peer.send(type, 0, 0, { payload: '{"message":"stream ids must ascend"}' })

      await until('the connection had ended', () => ended.length === 1)
      assert.equal(ended[0]?.code, 'ProtocolError')
      assert.match(ended[0]?.message ?? '', /stream ids must ascend/)
    })
  }

  test('a protocol error without a text is reported as well', async (t) => {
    const { peer, ended } = await openRig(t)

    peer.send(7, 0, 0)

    await until('the connection had ended', () => ended.length === 1)
    assert.match(ended[0]?.message ?? '', /gives no reason/)
  })

  test('closing waits for the operations under way, and takes no further ones', async (t) => {
    const { connection, peer, ended } = await openRig(t)
    const subscription = keepingHandler()
    const subscribed = connection.subscribe('SubscribeToTopic', {}, subscription.handler)
    await peer.message(1)
    peer.answer(1, 'SubscribeToTopicResponse')
    await subscribed
    const answered = connection.request('UpdateState', {})
    await peer.message(2)

    const closed = Promise.all([connection.close(), connection.close()])
    await assert.rejects(connection.request('UpdateState', {}), { code: 'NotConnected' })
    await settled()
    assert.equal(peer.isClosed, false)
    peer.answer(2, 'UpdateStateResponse')

    await answered
    await closed
    await peer.closed()
    assert.deepEqual(subscription.ended, ['NotConnected'])
    assert.deepEqual(ended, [])
  })

  test('closing is over when the connection is lost meanwhile', async (t) => {
    const { connection, peer, ended } = await openRig(t)
    const lost = connection.request('UpdateState', {})
    await peer.message(1)

    const closed = connection.close()
    peer.socket.destroy()

    await assert.rejects(lost, { code: 'ConnectionLost' })
    await closed
    assert.deepEqual(ended, [])
  })

  test('a nucleus that does not close its side is not waited for longer than a second', async (t) => {
    const clock = new ManualClock()
    const { connection, peer } = await openRig(t, { clock })
    peer.staysOpen = true

    const closed = connection.close()
    await until('the time limit was set', () => clock.pendingCalls === 1)
    clock.advance(1_000)

    await closed
  })
})

describe('pings', () => {
  test('a ping is answered with its headers and payload', async (t) => {
    const { peer } = await openRig(t)

    peer.send(2, 0, 0, { payload: 'are you there', headers: [['x', 'y']] })

    const answer = await peer.message(1)
    assert.equal(answer.type, 3)
    assert.equal(answer.streamId, 0)
    assert.equal(answer.headers.get('x'), 'y')
    assert.equal(answer.payload.toString(), 'are you there')
  })

  test('the answer to a ping is ignored, and the client never pings', async (t) => {
    const clock = new ManualClock()
    const { connection, peer } = await openRig(t, { clock })

    peer.send(3, 0, 0)
    clock.advance(24 * 3_600_000)
    const answered = connection.request('UpdateState', {})
    await peer.message(1)
    peer.answer(1, 'UpdateStateResponse')

    await answered
    assert.deepEqual(
      peer.messages.map(({ type }) => type),
      [4, 0],
    )
  })
})
