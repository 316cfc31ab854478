/** The client of a nucleus, whose connection ends and comes back. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { IpcClock } from '../../../../src/greengrass/ipc/caller.ts'
import { IpcClient, type IpcClientOptions } from '../../../../src/greengrass/ipc/client.ts'
import { retryDelayMs } from '../../../../src/greengrass/ipc/retry-delay.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { settled } from '../../../support/settled.ts'
import { until } from '../../../support/until.ts'
import { keepingHandler } from './connection-rig.ts'
import { REFUSED, TOKEN } from './known-frames.ts'
import { ScriptedNucleus } from './scripted-nucleus.ts'

const NEW_TOKEN = 'abcdefghijklmnop'

async function rig(t: TestContext, changes: Partial<IpcClientOptions> = {}) {
  const nucleus = await ScriptedNucleus.start(t)
  const clock = new ManualClock()
  const reports: string[] = []
  const client = new IpcClient({
    socketPath: nucleus.socketPath,
    authToken: TOKEN,
    clock,
    random: () => 0,
    events: {
      connected: () => reports.push('connected'),
      disconnected: ({ code }) => reports.push(`disconnected: ${code}`),
      attemptFailed: ({ code }, retryInMs) => reports.push(`${code}, again in ${retryInMs}`),
      tokenChanged: (token) => reports.push(`token ${token}`),
      dropped: (reason) => reports.push(`dropped: ${reason}`),
      gaveUp: ({ code }) => reports.push(`gave up: ${code}`),
    },
    ...changes,
  })
  t.after(() => client.abort())
  const reported = (count: number) => until(`${count} reports came`, () => reports.length >= count)
  return { nucleus, clock, client, reports, reported }
}

/** A client that is connected. */
async function connectedRig(t: TestContext, changes: Partial<IpcClientOptions> = {}) {
  const made = await rig(t, changes)
  const started = made.client.start()
  const peer = await made.nucleus.login()
  peer.accept()
  await started
  return { ...made, peer }
}

/** Refuses the login of this connection, and moves the clock to the next attempt. */
async function refuse({ nucleus, clock, reports }: Awaited<ReturnType<typeof rig>>, index: number) {
  const before = reports.length
  const peer = await nucleus.login(index)
  peer.socket.write(REFUSED.bytes)
  await until('it was reported', () => reports.length > before)
  clock.advance(5_000)
}

/** Refuses all logins after the first. */
async function refuseUntilGivenUp(made: Awaited<ReturnType<typeof rig>>) {
  for (let index = 1; !made.reports.at(-1)?.startsWith('gave up'); index++) {
    await refuse(made, index)
  }
}

describe('connecting', () => {
  test('the client starts when the first connection is accepted', async (t) => {
    const { nucleus, client, reports } = await rig(t)
    await assert.rejects(client.request('UpdateState', {}), { code: 'NotConnected' })

    const started = client.start()
    const peer = await nucleus.login()
    assert.deepEqual(peer.login, { authToken: TOKEN })
    peer.accept()
    await started

    const answered = client.request('UpdateState', {})
    await peer.message(1)
    peer.answer(1, 'UpdateStateResponse')
    await answered
    assert.deepEqual(reports, ['connected'])
  })

  test('a connection that ends is made again, and is reported so that subscriptions are too', async (t) => {
    const { nucleus, clock, client, reports, reported, peer } = await connectedRig(t)
    const { handler, events, ended } = keepingHandler()
    const subscribed = client.subscribe('SubscribeToTopic', {}, handler)
    await peer.message(1)
    peer.answer(1, 'SubscribeToTopicResponse')
    await subscribed

    clock.advance(5_000)
    peer.socket.end()
    await reported(2)
    assert.deepEqual(ended, ['ConnectionLost'])
    await assert.rejects(client.request('UpdateState', {}), { code: 'NotConnected' })
    clock.advance(99)
    await settled()
    assert.equal(nucleus.peers.length, 1)
    clock.advance(1)
    const next = await nucleus.login(1)
    next.accept()
    await reported(3)

    const again = client.subscribe('SubscribeToTopic', {}, handler)
    assert.equal((await next.message(1)).streamId, 1)
    next.answer(1, 'SubscribeToTopicResponse')
    await again
    next.answer(1, 'SubscriptionResponseMessage', { n: 1 })
    await until('an event came', () => events.length === 1)
    assert.deepEqual(reports, ['connected', 'disconnected: ConnectionLost', 'connected'])
  })

  test('delays grow from 0.1 to 5 seconds, also if the nucleus accepts and closes at once', async (t) => {
    const clock = new ManualClock()
    const delays: number[] = []
    const recording: IpcClock = {
      monotonic: () => clock.monotonic(),
      after(delayMs, call) {
        delays.push(delayMs)
        return clock.after(delayMs, call)
      },
    }
    const { nucleus, client, reported } = await rig(t, { clock: recording })
    void client.start()

    for (let index = 0; index < 8; index++) {
      const peer = await nucleus.login(index)
      peer.accept()
      peer.socket.end()
      await reported(2 * (index + 1))
      clock.advance(delays.at(-1) ?? 0)
    }

    const withoutDeadlines = delays.filter((delay) => delay !== 5_000)
    assert.deepEqual(withoutDeadlines, [100, 200, 400, 800, 1_600, 2_500, 2_500, 2_500])
  })

  test('a connection that is lost in the turn in which it was accepted is a failed attempt', async (t) => {
    const { nucleus, client, reports, reported } = await rig(t)
    void client.start().catch(() => {})
    const peer = await nucleus.login()

    peer.socket.cork()
    peer.accept()
    peer.send(7, 0, 0)
    peer.socket.uncork()

    await reported(1)
    await settled()
    assert.deepEqual(reports, ['ProtocolError, again in 100'])
  })

  test('delays are spread by chance', () => {
    assert.equal(retryDelayMs(0, 0), 100)
    assert.equal(retryDelayMs(0, 0.5), 150)
    assert.equal(retryDelayMs(10_000, 0.5), 3_750)
    assert.ok(retryDelayMs(10_000, 0.999) < 5_000)
  })
})

describe('logging in again', () => {
  test('if the token is refused, a login by component name returns a new one', async (t) => {
    const made = await connectedRig(t, { componentName: 'com.example.Us' })
    const { nucleus, clock, reports, reported, peer } = made
    peer.socket.end()
    await reported(2)
    clock.advance(5_000)

    const refused = await nucleus.login(1)
    refused.socket.end()
    await reported(3)
    clock.advance(5_000)
    const byName = await nucleus.login(2)
    assert.deepEqual(byName.login, { componentName: 'com.example.Us' })
    byName.accept([['svcuid', NEW_TOKEN]])
    await reported(5)

    byName.socket.end()
    await reported(6)
    clock.advance(5_000)
    assert.deepEqual((await nucleus.login(3)).login, { authToken: NEW_TOKEN })
    assert.deepEqual(reports.slice(2, 5), [
      'NotAccepted, again in 200',
      `token ${NEW_TOKEN}`,
      'connected',
    ])
  })

  test('the login by name is tried once, and refusals for a minute make the client give up', async (t) => {
    const made = await connectedRig(t, { componentName: 'com.example.Us' })
    const { nucleus, clock, client, reports, reported, peer } = made
    peer.socket.end()
    await reported(2)
    const lostAt = clock.monotonic()
    clock.advance(5_000)

    await refuseUntilGivenUp(made)

    const refused = nucleus.peers.slice(1)
    assert.equal(refused.filter(({ login }) => 'componentName' in Object(login)).length, 1)
    assert.deepEqual(refused[1]?.login, { componentName: 'com.example.Us' })
    assert.ok(clock.monotonic() - lostAt <= 75_000)
    assert.equal(reports.at(-1), 'gave up: NotAccepted')
    assert.equal(clock.pendingCalls, 0)
    await assert.rejects(client.request('UpdateState', {}), { code: 'NotConnected' })
  })

  test('without a component name, only the token is tried', async (t) => {
    const made = await connectedRig(t)
    const { nucleus, clock, reported, peer } = made
    peer.socket.end()
    await reported(2)
    clock.advance(5_000)

    await refuseUntilGivenUp(made)

    assert.ok(nucleus.peers.every(({ login }) => 'authToken' in Object(login)))
  })

  test('a nucleus that is absent is waited for, however long it takes', async (t) => {
    const { nucleus, clock, reports, reported } = await connectedRig(t)
    await nucleus.stop()
    await reported(2)

    for (let attempt = 1; attempt <= 30; attempt++) {
      clock.advance(5_000)
      await reported(2 + attempt)
    }
    await nucleus.listen()
    clock.advance(5_000)
    const peer = await nucleus.login(1)
    peer.accept()

    await reported(33)
    assert.equal(reports.at(-1), 'connected')
    assert.match(reports[31] ?? '', /^Unreachable/)
  })

  test('the minute of refusals begins again when the nucleus was absent meanwhile', async (t) => {
    const made = await connectedRig(t)
    const { nucleus, clock, reports, reported, peer } = made
    peer.socket.end()
    await reported(2)
    clock.advance(5_000)
    for (let index = 1; index <= 10; index++) await refuse(made, index)

    await nucleus.login(11)
    await nucleus.stop()
    await reported(13)
    clock.advance(5_000)
    await reported(14)
    await nucleus.listen()
    clock.advance(5_000)
    for (let index = 12; index <= 20; index++) await refuse(made, index)

    assert.match(reports[13] ?? '', /^Unreachable/)
    assert.match(reports.at(-1) ?? '', /^NotAccepted, again/)
  })

  test('the start fails if there is no nucleus for a minute', async (t) => {
    const { nucleus, clock, client, reports, reported } = await rig(t)
    await nucleus.stop()
    const failed = client.start()
    const message = /ENOENT .*; gave up after 60 s/
    const rejected = assert.rejects(failed, { code: 'Unreachable', message })

    for (let attempt = 1; !reports.at(-1)?.startsWith('gave up'); attempt++) {
      await reported(attempt)
      clock.advance(5_000)
    }

    await rejected
    assert.ok(reports.length > 12)
    assert.equal(clock.pendingCalls, 0)
  })
})

describe('stream ids', () => {
  test('before they run out, what is under way is answered and a new connection is made', async (t) => {
    const { nucleus, client, reports, reported, peer } = await connectedRig(t, {
      firstStreamId: 2 ** 30 - 1,
    })
    const first = client.request('GetConfiguration', {})
    const last = client.request('UpdateState', {})
    await assert.rejects(client.request('UpdateState', {}), { code: 'NotConnected' })
    await peer.message(2)
    assert.equal(nucleus.peers.length, 1)

    peer.answer(2 ** 30, 'UpdateStateResponse')
    await last
    assert.deepEqual(reports, ['connected'])
    peer.answer(2 ** 30 - 1, 'GetConfigurationResponse')
    await first
    const next = await nucleus.login(1)
    await peer.closed()
    next.accept()
    await reported(3)

    const again = client.request('UpdateState', {})
    assert.equal((await next.message(1)).streamId, 1)
    next.answer(1, 'UpdateStateResponse')
    await again
    assert.deepEqual(reports, ['connected', 'disconnected: StreamIdsUsedUp', 'connected'])
  })

  test('a nucleus that is lost meanwhile is connected again all the same', async (t) => {
    const { nucleus, client, reports, reported, peer } = await connectedRig(t, {
      firstStreamId: 2 ** 30,
    })
    const lost = client.request('UpdateState', {})
    await peer.message(1)

    peer.socket.destroy()
    await assert.rejects(lost, { code: 'ConnectionLost' })
    const next = await nucleus.login(1)
    next.accept()

    await reported(3)
    assert.deepEqual(reports, ['connected', 'disconnected: StreamIdsUsedUp', 'connected'])
  })
})

describe('stopping', () => {
  test('a stop waits for the operations under way and reports nothing', async (t) => {
    const { client, clock, reports, peer } = await connectedRig(t)
    const answered = client.request('UpdateState', {})
    await peer.message(1)

    const stopped = client.stop()
    peer.answer(1, 'UpdateStateResponse')

    await answered
    await stopped
    await peer.closed()
    assert.deepEqual(reports, ['connected'])
    assert.equal(clock.pendingCalls, 0)
  })

  test('an abort does not wait', async (t) => {
    const { client, clock, reports, peer } = await connectedRig(t)
    const lost = client.request('UpdateState', {})
    await peer.message(1)
    const stopped = client.stop()

    client.abort()

    await assert.rejects(lost, { code: 'NotConnected' })
    await stopped
    assert.deepEqual(reports, ['connected'])
    assert.equal(clock.pendingCalls, 0)
  })

  test('a stop ends a start, whether it waits for the nucleus or for the next attempt', async (t) => {
    const atLogin = await rig(t)
    const started = atLogin.client.start()
    await atLogin.nucleus.login()
    await Promise.all([assert.rejects(started, { code: 'NotConnected' }), atLogin.client.stop()])

    const waiting = await rig(t)
    await waiting.nucleus.stop()
    const startedToo = waiting.client.start()
    await waiting.reported(1)
    await Promise.all([assert.rejects(startedToo, { code: 'NotConnected' }), waiting.client.stop()])
    assert.equal(waiting.clock.pendingCalls + atLogin.clock.pendingCalls, 0)
    assert.deepEqual(atLogin.reports, [])
  })
})

test('frames above the bound of nucleus lite are refused once it is set', async (t) => {
  const { client, peer } = await connectedRig(t)
  const text = 'x'.repeat(10_000)
  const taken = client.request('PublishToTopic', { text })
  await peer.message(1)
  peer.answer(1, 'PublishToTopicResponse')
  await taken

  client.limitFrames(10_000)

  await assert.rejects(client.request('PublishToTopic', { text }), { code: 'FrameTooLarge' })
})
