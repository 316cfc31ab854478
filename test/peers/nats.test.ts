/** The destination `nats` against a NATS server. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ConnectorError } from '../../src/errors.ts'
import type { Message } from '../../src/message.ts'
import {
  batchOf,
  makeMessage,
  messagesFrom,
  packedMessage,
} from '../support/channels/batch-maker.ts'
import { natsDestination, openedNats } from '../support/destinations/nats-destination.ts'
import { assertEndsAtOnce, failureOf } from '../support/destinations/sends.ts'
import { SECOND_TRY_MS } from '../support/destinations/timeouts.ts'
import { makeCertificates, skipWithoutOpenssl } from '../support/processes/certificates.ts'
import { type NatsServer, skipWithoutNats, startNats } from '../support/servers/nats.ts'
import { Relay } from '../support/servers/relay.ts'
import { serverDirectory } from '../support/servers/server-process.ts'

const never = new AbortController().signal

describe('nats against a NATS server', { skip: skipWithoutNats }, () => {
  let server: NatsServer
  let streams = 0
  const ends: (() => unknown)[] = []

  before(async () => {
    server = await startNats({ after: (end) => ends.unshift(end) })
  })
  after(async () => {
    for (const end of ends) await end()
  })

  /** Settings with a stream and subjects of their own. */
  function ownStream() {
    const stream = `stream_${streams++}`
    return { stream, subjectPrefix: `data.${stream}` }
  }

  async function opened(t: TestContext, given: Readonly<Record<string, unknown>> = {}) {
    const own = ownStream()
    return { own, destination: await openedNats(t, server.port, { ...own, ...given }) }
  }

  type Own = ReturnType<typeof ownStream>
  const offsetsIn = async ({ stream, subjectPrefix }: Own, channel = 'line') => {
    const stored = await server.stored(stream, `${subjectPrefix}.${channel}`)
    return stored.map(({ headers }) => Number(headers.get('offset')))
  }

  /** A stream whose window for equal ids is short, so that only reading back helps. */
  const makeStream = async ({ stream, subjectPrefix }: Own, config: object = {}) => {
    const answer = await server.api<{ error?: unknown }>(`STREAM.CREATE.${stream}`, {
      name: stream,
      subjects: [`${subjectPrefix}.*`],
      storage: 'file',
      duplicate_window: 100_000_000,
      ...config,
    })
    assert.equal(answer.error, undefined)
  }

  test('a message has its payload unchanged, and all fields as headers', async (t) => {
    const { destination, own } = await opened(t)
    const receivedAt = Date.UTC(2026, 0, 31, 12, 0, 0, 7)
    const topic = 'fabrik/größe\r\nNats-Rollup: all'
    const messages = [
      makeMessage(0, { receivedAt, topic }),
      packedMessage(makeMessage(1, { payload: Buffer.from([0xff, 0, 1]) })),
    ]

    assert.deepEqual(await destination.send(batchOf('line', messages), never), NOTHING_LEFT)

    const stored = await server.stored(own.stream, `${own.subjectPrefix}.line`)
    assert.deepEqual(Object.fromEntries(stored[0]?.headers ?? []), {
      'Nats-Msg-Id': 'plant-1-line-0a1b2c3d-0',
      connector: 'plant-1',
      channel: 'line',
      log_id: '0a1b2c3d',
      confirmed: '0-0',
      offset: '0',
      arrival_time: '2026-01-31T12:00:00.007Z',
      topic: 'fabrik/größe%0D%0ANats-Rollup: all',
      message_id: '0a1b2c3d-0',
      content_type: 'application/json',
    })
    assert.deepEqual(
      stored.map(({ payload }) => payload),
      messages.map(({ payload }) => payload),
    )
    assert.equal(stored[1]?.headers.get('content_type'), 'application/octet-stream')
  })

  test('what is sent again after the window is not stored again, in any division', async (t) => {
    const { destination, own } = await opened(t)
    await makeStream(own)
    await destination.send(batchOf('line', messagesFrom(0, 10)), never)
    await destination.send(batchOf('line', messagesFrom(10, 10)), never)
    await delay(300)

    const restarted = await openedNats(t, server.port, own)
    assert.equal(await restarted.position('line', '0a1b2c3d', never), 10)
    await restarted.send(batchOf('line', messagesFrom(5, 20)), never)
    await delay(300)
    const again = await openedNats(t, server.port, own)
    await again.send(batchOf('line', messagesFrom(7, 30)), never)

    assert.deepEqual(await offsetsIn(own), offsetsOf(messagesFrom(0, 37)))
  })

  test('a lost answer makes no duplicates, even if the window has passed', async (t) => {
    const { own } = await opened(t)
    await makeStream(own)
    const relay = await Relay.start(t, server.port)
    const destination = await openedNats(t, relay.port, own)
    await destination.send(batchOf('line', messagesFrom(0, 3)), never)

    relay.loseAnswerTo((sent) => sent.includes('HPUB'))
    assert.equal((await failureOf(destination, messagesFrom(3, 4))).effect, 'retry')
    await delay(300)
    await destination.send(batchOf('line', messagesFrom(3, 6)), never)

    assert.deepEqual(await offsetsIn(own), offsetsOf(messagesFrom(0, 9)))
  })

  test('a new log begins at 0, behind the messages of the old one', async (t) => {
    const { destination, own } = await opened(t)
    await destination.send({ ...batchOf('line', messagesFrom(0, 3)), logId: 'first' }, never)

    assert.equal(await destination.position('line', 'second', never), 0)
    await destination.send({ ...batchOf('line', messagesFrom(0, 2)), logId: 'second' }, never)

    assert.deepEqual(await offsetsIn(own), [0, 1, 2, 0, 1])
    const restarted = await openedNats(t, server.port, own)
    await restarted.send({ ...batchOf('line', messagesFrom(0, 3)), logId: 'second' }, never)
    assert.deepEqual(await offsetsIn(own), [0, 1, 2, 0, 1, 2])
  })

  test('messages that a full stream refuses are kept, and those with room are not lost or repeated', async (t) => {
    const { destination, own } = await opened(t)
    await makeStream(own, { max_msgs: 5, discard: 'new' })

    const outcome = await destination.send(batchOf('line', messagesFrom(0, 8)), never)
    assert.deepEqual(outcome.rejected, [])
    assert.deepEqual(outcome.kept, [5, 6, 7])
    assert.match(outcome.keptReason?.message ?? '', /maximum messages exceeded \(10077\)/)
    assert.equal((await failureOf(destination, messagesFrom(5, 3))).code, 'DestinationUnavailable')
    await server.api(`STREAM.UPDATE.${own.stream}`, {
      name: own.stream,
      subjects: [`${own.subjectPrefix}.*`],
      storage: 'file',
      duplicate_window: 100_000_000,
      max_msgs: -1,
      discard: 'new',
    })
    await delay(300)
    const restarted = await openedNats(t, server.port, own)
    await restarted.send(batchOf('line', messagesFrom(0, 8)), never)

    assert.deepEqual(await offsetsIn(own), offsetsOf(messagesFrom(0, 8)))
  })

  test('a gap in what is stored is filled after a restart', async (t) => {
    const { own } = await opened(t)
    await makeStream(own)
    // The first of three was not stored, and the connector was killed before it knew.
    const first = await openedNats(t, server.port, own)
    await first.send(batchOf('line', messagesFrom(0, 2)), never)
    const writer = await openedNats(t, server.port, own)
    await writer.position('line', '0a1b2c3d', never)
    await writer.send(batchOf('line', messagesFrom(3, 2)), never)
    await delay(300)

    const restarted = await openedNats(t, server.port, own)
    await restarted.send(batchOf('line', messagesFrom(0, 5)), never)

    assert.deepEqual((await offsetsIn(own)).sort(), [0, 1, 2, 3, 4])
  })

  test('too large a message is rejected alone', async (t) => {
    const { destination, own } = await opened(t)
    await makeStream(own, { max_msg_size: 2_000 })
    const messages = messagesFrom(0, 4).map((message) =>
      message.offset === 1 ? { ...message, payload: Buffer.alloc(3_000) } : message,
    )
    messages.push(makeMessage(4, { payload: Buffer.alloc(1_048_577) }))

    const { rejected, kept } = await destination.send(batchOf('line', messages), never)

    assert.deepEqual(kept, [])
    assert.deepEqual(
      rejected.map(({ index, refusal }) => [index, refusal.error]),
      [
        [1, 'ContentRefused'],
        [4, 'ContentRefused'],
      ],
    )
    assert.deepEqual(await offsetsIn(own), [0, 2, 3])
  })

  test('a check says that the stream is missing, and creates none', async (t) => {
    const own = ownStream()
    const destination = await openedNats(t, server.port, own)
    const notes: string[] = []

    await destination.check(never, (text) => notes.push(text))

    assert.deepEqual(notes, [
      `the stream ${own.stream} is not there; it will be created before the first batch`,
    ])
    const missing = await openedNats(t, server.port, { ...own, create: false })
    await assert.rejects(missing.check(never), { code: 'DestinationMissing' })
  })

  test('a missing stream is held and named, and so is a subject of another stream', async (t) => {
    const missing = await openedNats(t, server.port, { ...ownStream(), create: false })
    await assert.rejects(missing.check(never), { code: 'DestinationMissing' })
    const failure = await failureOf(missing, messagesFrom(0, 1))
    assert.equal(failure.code, 'DestinationMissing')
    assert.match(failure.message, /create: true/)

    const { own } = await opened(t)
    await makeStream(own)
    const { stream } = ownStream()
    await makeStream({ stream, subjectPrefix: `other.${stream}` })
    const wrong = await openedNats(t, server.port, { ...own, stream, create: false })
    await assert.rejects(wrong.check(never), { code: 'DestinationMissing' })
    assert.match((await failureOf(wrong, messagesFrom(0, 1))).message, /belong to the stream/)
  })

  test('a subject that another connector writes to is refused', async (t) => {
    const { destination, own } = await opened(t)
    await destination.send(batchOf('line', messagesFrom(0, 1)), never)
    const other = await openedNats(t, server.port, own, 'plant-2')

    const failure = await failureOf(other, messagesFrom(0, 1))

    assert.equal(failure.code, 'DestinationDenied')
    assert.match(failure.message, /is from the connector plant-1/)
  })

  test('channels are sent at the same time, each in order', async (t) => {
    const { destination, own } = await opened(t)
    const channels = Array.from({ length: 10 }, (_, index) => `channel_${index}`)

    await Promise.all(
      channels.map((channel) => destination.send(batchOf(channel, messagesFrom(0, 50)), never)),
    )

    for (const channel of channels) {
      assert.deepEqual(await offsetsIn(own, channel), offsetsOf(messagesFrom(0, 50)))
    }
  })

  test('a peer that never answers ends a send in time, and the next one works', async (t) => {
    const { own } = await opened(t)
    const relay = await Relay.start(t, server.port)
    const times = { timeout: SECOND_TRY_MS, connectTimeout: SECOND_TRY_MS }
    const destination = await openedNats(t, relay.port, { ...own, ...times })
    await destination.send(batchOf('line', messagesFrom(0, 1)), never)

    relay.hang()
    const begun = performance.now()
    assert.equal((await failureOf(destination, messagesFrom(1, 1))).effect, 'retry')
    assert.ok(performance.now() - begun < 2 * SECOND_TRY_MS + 1_500)
    relay.resume()
    await destination.send(batchOf('line', messagesFrom(1, 1)), never)

    assert.deepEqual(await offsetsIn(own), [0, 1])
  })

  test('an aborted send ends at once, and close does not wait for a peer that hangs', async (t) => {
    const { own } = await opened(t)
    const relay = await Relay.start(t, server.port)
    const destination = await openedNats(t, relay.port, { ...own, timeout: 60_000 })

    await assertEndsAtOnce(destination, relay)
  })

  test('a send that is aborted before it begins sends nothing', async (t) => {
    const { destination, own } = await opened(t)
    await destination.check(never)

    await assert.rejects(
      destination.send(batchOf('line', messagesFrom(0, 1)), AbortSignal.abort()),
      {
        code: 'Stopping',
      },
    )

    assert.deepEqual(await offsetsIn(own), [])
  })

  test('kill -9 of the server in the middle of a load loses and repeats nothing', async (t) => {
    const { destination, own } = await opened(t)
    let next = 0
    let failures = 0
    const until = async (end: number) => {
      while (next < end) {
        try {
          assert.deepEqual(
            await destination.send(batchOf('line', messagesFrom(next, 50)), never),
            NOTHING_LEFT,
          )
          next += 50
        } catch (error) {
          assert.ok(error instanceof ConnectorError && error.effect === 'retry', String(error))
          failures++
          await delay(50)
        }
      }
    }
    const load = until(5_000)
    while (next < 1_000) await delay(1)
    await server.process.kill()
    await server.process.start()
    await load

    assert.ok(failures > 0)
    assert.deepEqual(await offsetsIn(own), offsetsOf(messagesFrom(0, 5_000)))
  })
})

describe('nats with users and TLS', { skip: skipWithoutNats || skipWithoutOpenssl }, () => {
  test('what is wrong with the login, a permission or the certificate is named', async (t) => {
    const certificates = makeCertificates(t)
    const ca = certificates.path('ca.crt')
    const server = await startNats(t, {
      config: `tls { cert_file: "${certificates.path('broker.crt')}", key_file: "${certificates.path('broker.key')}" }
authorization { users = [
  { user: admin, password: root }
  { user: connector, password: "p@ss" }
  { user: guest, password: guest, permissions: { publish: { deny: ["data.>"] } } }
] }`,
      connection: {
        user: 'admin',
        pass: 'root',
        tls: { caFile: ca, servername: 'broker.test' } as { caFile: string },
      },
    })
    const file = join(serverDirectory(t, 'password'), 'password')
    writeFileSync(file, 'p@ss\n')
    const base = { stream: 'data', subjectPrefix: 'data' }
    const login = { user: 'connector', passwordFile: file }

    const right = await openedNats(t, server.port, { ...base, ...login, tls: { ca } })
    await right.check(never)
    assert.deepEqual(await right.send(batchOf('line', messagesFrom(0, 1)), never), NOTHING_LEFT)

    const wrong: readonly [Readonly<Record<string, unknown>>, string, RegExp][] = [
      [{ user: 'connector', password: 'other', tls: { ca } }, 'DestinationDenied', /credentials/],
      [{ tls: { ca } }, 'DestinationDenied', /credentials/],
      [{ ...login, tls: {} }, 'DestinationUnavailable', /destinations\[0\]\.nats\.tls\.ca/],
      [
        { ...login, tls: { ca, servername: 'other.test' } },
        'DestinationUnavailable',
        /other\.test/,
      ],
      [{ user: 'guest', password: 'guest', tls: { ca } }, 'DestinationDenied', /permissions/i],
    ]
    for (const [given, code, text] of wrong) {
      const destination = await openedNats(t, server.port, { ...base, ...given })
      const failure = await failureOf(destination, messagesFrom(1, 1))
      assert.match(failure.message, text)
      assert.equal(failure.code, code, failure.message)
    }
  })

  test('a server without TLS gets no password, if tls is set', async (t) => {
    const certificates = makeCertificates(t)
    const server = await startNats(t)
    const tls = { ca: certificates.path('ca.crt') }
    const destination = await openedNats(t, server.port, { stream: 'data', tls })

    await assert.rejects(destination.check(never), /tls/)
  })
})

test('without a server, open succeeds, check names it, and close may be called twice', async () => {
  const destination = natsDestination(1, { stream: 'data' })

  await destination.open()
  await destination.open()
  await assert.rejects(destination.check(never), /127\.0\.0\.1:1.*ECONNREFUSED/)
  await destination.close()
  await destination.close()
})

const NOTHING_LEFT = { rejected: [], kept: [], keptReason: undefined }

function offsetsOf(messages: readonly Message[]): number[] {
  return messages.map(({ offset }) => offset)
}
