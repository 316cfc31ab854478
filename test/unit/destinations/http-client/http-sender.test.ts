/** The HTTP client against peers that answer correctly, wrongly, slowly or not at all. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Clock, systemClock } from '../../../../src/clock.ts'
import type { Answer } from '../../../../src/destinations/http-client/http-exchange.ts'
import { HttpSender } from '../../../../src/destinations/http-client/http-sender.ts'
import {
  drips,
  OK,
  type PeerOptions,
  type Script,
  ScriptedPeer,
  writes,
  writesAndEnds,
  writesAndResets,
} from '../../../support/destinations/scripted-peer.ts'

const never = new AbortController().signal
const HEAD = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${HEAD}transfer-encoding: chunked\r\n\r\n`

/** The system's, whose timers keep the process alive while a test waits for nothing else. */
const patientClock: Clock = {
  ...systemClock,
  after(delayMs, call) {
    const timeout = setTimeout(call, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
}

interface Given extends PeerOptions {
  readonly timeoutMs?: number
  readonly maxConnections?: number
  readonly clock?: Clock
}

async function setUp(t: TestContext, given: Given = {}) {
  const peer = await ScriptedPeer.start(t, given)
  return { peer, ...senderTo(t, peer.origin, given) }
}

function senderTo(t: TestContext, url: string, given: Given = {}) {
  const { timeoutMs = 2_000, maxConnections = 10, clock = patientClock } = given
  const access = { place: 'destinations[0].iotAnalytics' }
  const sender = new HttpSender({ origin: url, access, timeoutMs, maxConnections, clock })
  sender.open()
  t.after(() => sender.close())
  const post = (body = '{}', signal = never): Promise<Answer> => {
    const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
    return sender.send(() => ({ bytes: Buffer.from(head + body), release() {} }), signal)
  }
  return { sender, post }
}

async function errorOf(posted: Promise<Answer>): Promise<Error> {
  const thrown = await posted.then(
    ({ status, body }) => assert.fail(`answered ${status} ${body}`),
    (error: unknown) => error,
  )
  assert.ok(thrown instanceof Error)
  return thrown
}

/** How a connection must be after an answer. */
type After = 'kept' | 'closed'

describe('answers that are read', () => {
  const body = '{"a":"é"}'
  const bytes = Buffer.from(body).toString('latin1')
  const long = 'x'.repeat(300_000)
  const cases: Record<string, [Script, string, After]> = {
    'by length': [writes(`${HEAD}Content-Length: ${bytes.length}\r\n\r\n${bytes}`), body, 'kept'],
    'byte by byte': [drips(`${HEAD}Content-Length: 2\r\n\r\n{}`), '{}', 'kept'],
    'longer than one read': [writes(`${HEAD}content-length: 300000\r\n\r\n${long}`), long, 'kept'],
    'empty, by length': [writes(`${HEAD}content-length: 0\r\n\r\n`), '', 'kept'],
    'without a reason phrase': [writes('HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n'), '', 'kept'],
    'with spaces around values': [writes(`${HEAD}content-length: \t 2 \t\r\n\r\n{}`), '{}', 'kept'],
    'in chunks': [writes(`${CHUNKED}1\r\n{\r\n01\r\n}\r\n0\r\n\r\n`), '{}', 'kept'],
    'in chunks, byte by byte': [drips(`${CHUNKED}1\r\n{\r\n01\r\n}\r\n0\r\n\r\n`), '{}', 'kept'],
    'in chunks with extensions and trailers': [
      writes(`${CHUNKED}2;a="b";c\r\n{}\r\n000;d\r\nx-checked: yes\r\ny: z\r\n\r\n`),
      '{}',
      'kept',
    ],
    'after 100, 102 and 103': [
      writes(
        `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n${OK}`,
      ),
      '{}',
      'kept',
    ],
    'after 100, byte by byte': [drips(`HTTP/1.1 100 Continue\r\n\r\n${OK}`), '{}', 'kept'],
    'with connection: close': [
      writes(`${HEAD}connection: x, Close\r\ncontent-length: 2\r\n\r\n{}`),
      '{}',
      'closed',
    ],
    'without a length, until the end': [writesAndEnds(`${HEAD}\r\n{}`), '{}', 'closed'],
    'HTTP/1.0, until the end': [writesAndEnds('HTTP/1.0 200 OK\r\n\r\n{}'), '{}', 'closed'],
    'HTTP/1.0 by length': [
      writes('HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}'),
      '{}',
      'closed',
    ],
    'HTTP/1.0 that keeps the connection': [
      writes('HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n{}'),
      '{}',
      'kept',
    ],
    'with more behind it': [writes(`${OK}HTTP/1.1 200 OK\r\n`), '{}', 'closed'],
    'from a server that soon closes': [
      writes(`${HEAD}keep-alive: timeout=2\r\ncontent-length: 2\r\n\r\n{}`),
      '{}',
      'closed',
    ],
  }
  for (const [name, [script, expected, after]] of Object.entries(cases)) {
    test(`${name}: connection ${after}`, async (t) => {
      const { peer, post } = await setUp(t)
      peer.next(script)

      const answer = await post()
      await post()

      assert.deepEqual([answer.status, answer.body, answer.isCut], [200, expected, false])
      assert.equal(peer.sockets.length, after === 'kept' ? 1 : 2)
    })
  }

  test('a 204 has no body, whatever its head says', async (t) => {
    const { peer, post } = await setUp(t)
    peer.next(writes('HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n'))

    const answer = await post()

    assert.deepEqual([answer.status, answer.body, answer.isCut], [204, '', false])
  })

  test('fields are found by their lower-case names, with the first of several', async (t) => {
    const { peer, post } = await setUp(t)
    peer.next(writes('HTTP/1.1 429 Slow\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n'))

    const answer = await post()

    assert.equal(answer.header('x-a'), '1')
    assert.equal(answer.header('x-b'), undefined)
  })

  test('an answer longer than a megabyte is cut, and the connection closed', async (t) => {
    const { peer, post } = await setUp(t)
    peer.next(writes(`HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n${'x'.repeat(5_000_000)}`))

    const answer = await post()
    await post()

    assert.equal(answer.isCut, true)
    assert.equal(answer.body.length, 1_048_576)
    assert.equal(peer.sockets.length, 2)
  })
})

describe('answers that are not accepted: an error with a reason, and a closed connection', () => {
  const field = (line: string) => `${HEAD}${line}\r\n\r\n{}`
  const cases: Record<string, [string, RegExp]> = {
    'another protocol': ['SSH-2.0-OpenSSH_9\r\n', /no status line: "SSH-2.0-OpenSSH_9/],
    'an SMTP greeting': ['220 mail.example ESMTP\r\n', /no status line/],
    'TLS where HTTP was expected': ['\x15\x03\x03\x00\x02\x02\x28', /no status line/],
    'HTTP/2': ['HTTP/2.0 200 OK\r\n\r\n', /no status line: "HTTP\/2.0 200 OK"/],
    'a status of two digits': ['HTTP/1.1 20 OK\r\n\r\n', /no status line/],
    'an empty line first': [`\r\n${OK}`, /no status line/],
    'both lengths': [
      field('content-length: 2\r\ntransfer-encoding: chunked'),
      /both content-length/,
    ],
    'two lengths': [
      field('content-length: 2\r\ncontent-length: 3'),
      /more than one content-length/,
    ],
    'one length twice': [field('content-length: 2\r\nContent-Length: 2'), /more than one/],
    'a list of lengths': [field('content-length: 2, 2'), /content-length: "2, 2"/],
    'a negative length': [field('content-length: -2'), /content-length: "-2"/],
    'a signed length': [field('content-length: +2'), /content-length: "\+2"/],
    'a hexadecimal length': [field('content-length: 0x2'), /content-length: "0x2"/],
    'an empty length': [field('content-length:'), /content-length/],
    'a length beyond numbers': [field(`content-length: ${'9'.repeat(30)}`), /content-length/],
    'an encoding we did not ask for': [
      field('transfer-encoding: gzip, chunked'),
      /"gzip, chunked"/,
    ],
    'chunked twice': [
      field('transfer-encoding: chunked\r\ntransfer-encoding: chunked'),
      /encoding/,
    ],
    'chunks in HTTP/1.0': ['HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', /HTTP\/1.0/],
    'a space before the colon': [field('content-length : 2'), /not a header field/],
    'a folded line': [field('a: b\r\n c'), /not a header field: " c"/],
    'a bare line feed': ['HTTP/1.1 200 OK\ncontent-length: 2\n\r\n\r\n', /no status line/],
    'a bare line feed within fields': [field('a: b\ncontent-length: 2'), /not a header field/],
    'a bare carriage return': [field('a: b\rcontent-length: 2'), /not a header field/],
    'a zero byte in a value': [field('a: b\0c'), /not a header field/],
    'a field without a name': [field(': b'), /not a header field/],
    'a switch of protocols': [
      'HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n',
      /switch of protocols/,
    ],
    'a chunk size that is none': [`${CHUNKED}x\r\n`, /chunk size: "x"/],
    'a negative chunk size': [`${CHUNKED}-1\r\n`, /chunk size/],
    'a chunk size of too many digits': [`${CHUNKED}111111111\r\n`, /chunk size/],
    'a chunk longer than its size': [`${CHUNKED}1\r\n{}\r\n`, /longer than its size/],
    'a chunk size with too much behind it': [`${CHUNKED}1;${'x'.repeat(2_000)}`, /1024 bytes/],
    'a trailer that is no field': [`${CHUNKED}0\r\nnonsense\r\n\r\n`, /not a header field/],
    'trailers without end': [`${CHUNKED}0\r\n${'a: b\r\n'.repeat(5_000)}`, /16384 bytes/],
    'a head without end': [`${HEAD}${'a: b\r\n'.repeat(5_000)}`, /16384 bytes/],
    'a line without end': [`${HEAD}a: ${'b'.repeat(40_000)}`, /16384 bytes/],
    'interim answers without end': ['HTTP/1.1 100 C\r\n\r\n'.repeat(2_000), /16384 bytes/],
  }
  for (const [name, [bytes, message]] of Object.entries(cases)) {
    test(name, async (t) => {
      const { peer, post } = await setUp(t)
      peer.next(writes(bytes))

      const error = await errorOf(post())
      const next = await post()

      assert.match(error.message, message)
      assert.match(error.message, /^the answer is not valid HTTP\/1\.1: /)
      assert.equal(next.status, 200)
      assert.equal(peer.sockets.length, 2)
    })
  }
})

describe('peers that stop', () => {
  const stages: Record<string, string> = {
    'before anything': '',
    'within the status line': 'HTTP/1.1 2',
    'within the head': `${HEAD}content-le`,
    'after an interim answer': 'HTTP/1.1 100 Continue\r\n\r\n',
    'before the body': `${HEAD}content-length: 2\r\n\r\n`,
    'within the body': `${HEAD}content-length: 2\r\n\r\n{`,
    'within a chunk size': `${CHUNKED}1`,
    'within a chunk': `${CHUNKED}5\r\n{}`,
    'between chunks': `${CHUNKED}2\r\n{}\r\n`,
    'within the trailers': `${CHUNKED}2\r\n{}\r\n0\r\na: b\r\n`,
  }
  for (const [stage, bytes] of Object.entries(stages)) {
    test(`hanging ${stage}: it fails in time, and the connection is closed`, async (t) => {
      const { peer, post } = await setUp(t, { timeoutMs: 100 })
      peer.next(writes(bytes))

      const error = await errorOf(post())

      assert.equal(error.name, 'TimeoutError')
      assert.match(error.message, /no answer within 100 ms/)
      await closedByUs(peer, 0)
    })

    test(`closing ${stage}: an error, and the next request is answered`, async (t) => {
      const { peer, post } = await setUp(t)
      peer.next(writesAndEnds(bytes))

      const error = await errorOf(post())

      assert.match(error.message, /the connection was closed before the answer was complete/)
      assert.equal((await post()).status, 200)
    })

    test(`resetting ${stage}: an error, and the next request is answered`, async (t) => {
      const { peer, post } = await setUp(t)
      peer.next(writesAndResets(bytes))

      const error = await errorOf(post())

      assert.match(error.message, /ECONNRESET/)
      assert.equal((await post()).status, 200)
    })
  }

  test('a reset within a body without length does not complete it', async (t) => {
    const { peer, post } = await setUp(t)
    peer.next(writesAndResets(`${HEAD}\r\n{}`))

    assert.match((await errorOf(post())).message, /ECONNRESET/)
  })

  test('an error status counts even if its body breaks off', async (t) => {
    const { peer, post } = await setUp(t)
    peer.next(writesAndEnds('HTTP/1.1 413 Too Large\r\ncontent-length: 100\r\n\r\ntoo l'))

    const answer = await post()

    assert.deepEqual([answer.status, answer.body, answer.isCut], [413, 'too l', true])
  })

  test('a TLS peer that never shakes hands', async (t) => {
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    t.after(() => silent.close())
    const address = silent.address()
    assert.ok(typeof address === 'object' && address !== null)
    const { post } = senderTo(t, `https://127.0.0.1:${address.port}`, { timeoutMs: 100 })

    assert.equal((await errorOf(post())).name, 'TimeoutError')
  })

  test('a peer that speaks no TLS where TLS was expected', async (t) => {
    const peer = await ScriptedPeer.start(t, { onConnection: writes('220 mail.example ESMTP\r\n') })
    const { post } = senderTo(t, `https://127.0.0.1:${peer.port}`)

    assert.match((await errorOf(post())).message, /wrong version number|SSL|TLS/i)
  })
})

describe('connections', () => {
  test('an answer before the request is finished counts; its connection is not used again', async (t) => {
    const { peer, post } = await setUp(t, {
      // It answers and stops reading.
      onConnection: (socket) => {
        if (peer.sockets.length > 1) return
        socket.once('data', () => {
          socket.pause()
          socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n')
        })
      },
    })

    const answer = await post('x'.repeat(20_000_000))
    const next = await post()

    assert.deepEqual([answer.status, next.status], [413, 200])
    assert.equal(peer.sockets.length, 2)
  })

  test('a peer that closes an idle connection costs nothing', async (t) => {
    const { peer, post } = await setUp(t)
    await post()
    const [socket] = peer.sockets
    assert.ok(socket !== undefined)

    socket.end()
    await once(socket, 'close')
    await post()

    assert.equal(peer.sockets.length, 2)
  })

  test('a peer that closes just as we send: an error, sent once, and the next request on a new connection', async (t) => {
    const { peer, post } = await setUp(t)
    await post()
    peer.next((socket) => socket.destroy())

    await errorOf(post())
    const answer = await post()

    assert.equal(answer.status, 200)
    assert.deepEqual([peer.requests.length, peer.sockets.length], [3, 2])
  })

  test('bytes that a peer sends to an idle connection answer no request', async (t) => {
    const { peer, post } = await setUp(t)
    await post()
    const [socket] = peer.sockets
    assert.ok(socket !== undefined)

    socket.write('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n')
    await once(socket, 'close')
    const answer = await post()

    assert.equal(answer.status, 200)
    assert.equal(peer.sockets.length, 2)
  })

  test('a close that arrived while the process was busy is seen before the connection is used again', async (t) => {
    let nowMs = 0
    const clock = { ...patientClock, monotonic: () => nowMs }
    const { peer, post } = await setUp(t, { clock })
    await post()
    nowMs = 5_000
    // The event loop has no turn between the two in which it could read the close.
    peer.sockets[0]?.destroy()
    const answer = await post()

    assert.equal(answer.status, 200)
    assert.equal(peer.sockets.length, 2)
  })

  test('an idle connection is closed after 20 s, or somewhat before the server would', async (t) => {
    for (const [keepAlive, expectedMs] of [
      ['', 20_000],
      ['keep-alive: timeout=5, max=100\r\n', 3_000],
      ['keep-alive: timeout=60\r\n', 58_000],
    ] as const) {
      let nowMs = 0
      const timers: { readonly delayMs: number; readonly call: () => void }[] = []
      const clock: Clock = {
        ...systemClock,
        monotonic: () => nowMs,
        after(delayMs, call) {
          timers.push({ delayMs, call })
          return { cancel() {} }
        },
      }
      const { peer, post } = await setUp(t, { clock })
      peer.next(writes(`${HEAD}${keepAlive}content-length: 2\r\n\r\n{}`))
      await post()

      const sweep = timers.at(-1)
      assert.equal(sweep?.delayMs, expectedMs)
      nowMs = expectedMs
      sweep.call()

      await closedByUs(peer, 0)
    }
  })

  test('an expired connection is not used, even if it is not closed yet', async (t) => {
    let nowMs = 0
    const clock = { ...patientClock, monotonic: () => nowMs }
    const { peer, post } = await setUp(t, { clock })
    await post()

    nowMs = 20_000
    await post()

    assert.equal(peer.sockets.length, 2)
  })

  test('more requests than connections wait their turn, in order', async (t) => {
    const { peer, post } = await setUp(t, { maxConnections: 1 })

    await Promise.all(Array.from({ length: 20 }, (_, index) => post(`"${index}"`)))

    const bodies = peer.requests.map((request) => String(request).split('\r\n\r\n')[1])
    assert.deepEqual(
      bodies,
      Array.from({ length: 20 }, (_, index) => `"${index}"`),
    )
    assert.equal(peer.sockets.length, 1)
  })

  test('a connection that breaks makes room for a waiting request', async (t) => {
    const { peer, post } = await setUp(t, { maxConnections: 1 })
    peer.next(
      writesAndResets(''),
      writes('nonsense'),
      writes(`${HEAD}connection: close\r\ncontent-length: 0\r\n\r\n`),
    )
    peer.next((socket) => socket.end())

    const settled = await Promise.allSettled(Array.from({ length: 6 }, () => post()))

    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 3)
    assert.equal(peer.requests.length, 6)
  })

  test('a cancelled request is not sent, or its connection is closed', async (t) => {
    const { peer, post } = await setUp(t, { maxConnections: 1 })
    peer.next(() => {})
    const abort = new AbortController()
    const sent = errorOf(post('"sent"', abort.signal))
    const waiting = errorOf(post('"waiting"', abort.signal))
    while (peer.requests.length === 0) await delay(1)

    abort.abort(new Error('enough'))

    assert.deepEqual([(await sent).message, (await waiting).message], ['enough', 'enough'])
    assert.equal((await post()).status, 200)
    assert.equal(peer.requests.length, 2)
  })

  test('a request that cannot be written fails alone', async (t) => {
    const { sender, post } = await setUp(t, { maxConnections: 1 })
    const made = sender.send(() => {
      throw new Error('no such token')
    }, never)

    assert.equal((await errorOf(made)).message, 'no such token')
    assert.equal((await post()).status, 200)
  })

  test('close ends what is under way, what waits and what is idle', async (t) => {
    const { peer, sender, post } = await setUp(t, { maxConnections: 2 })
    peer.next(() => {}, writes(OK))
    const hanging = errorOf(post())
    while (peer.requests.length === 0) await delay(1)
    await post()
    peer.next(() => {})
    const others = [errorOf(post()), errorOf(post())]

    await sender.close()

    for (const error of [hanging, ...others]) assert.match((await error).message, /closed/)
    await closedByUs(peer, 0)
    await closedByUs(peer, 1)
    assert.match((await errorOf(post())).message, /not open/)
    await sender.close()
  })

  test('a body is sent piece by piece, and may take longer in all than one answer may', async (t) => {
    const { peer, sender } = await setUp(t, { timeoutMs: 1_000 })
    async function* pieces() {
      for (let i = 0; i < 12; i++) {
        await delay(100)
        yield Buffer.from('piece')
      }
    }
    const bytes = Buffer.from('PUT /key HTTP/1.1\r\ncontent-length: 60\r\n\r\n')

    const answer = await sender.send(() => ({ bytes, rest: pieces(), release() {} }), never)

    assert.equal(answer.status, 200)
    assert.match(peer.requests[0]?.toString() ?? '', /\r\n\r\n(piece){12}$/)
  })

  test('a request that waits for a connection has time while the peer takes the bodies before it', async (t) => {
    const { peer, sender, post } = await setUp(t, { timeoutMs: 1_000, maxConnections: 1 })
    async function* pieces() {
      for (let i = 0; i < 12; i++) {
        await delay(100)
        yield Buffer.from('piece')
      }
    }
    const bytes = Buffer.from('PUT /key HTTP/1.1\r\ncontent-length: 60\r\n\r\n')
    const upload = () => sender.send(() => ({ bytes, rest: pieces(), release() {} }), never)

    const answers = await Promise.all([upload(), upload(), post()])

    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200],
    )
    assert.equal(peer.sockets.length, 1)
  })

  test('a request that waits behind a body which the peer no longer takes fails in time', async (t) => {
    const { sender, post } = await setUp(t, { timeoutMs: 200, maxConnections: 1 })
    const stuck = new AbortController()
    async function* pieces() {
      yield Buffer.from('piece')
      await delay(60_000, undefined, { signal: stuck.signal })
    }
    const bytes = Buffer.from('PUT /key HTTP/1.1\r\ncontent-length: 25\r\n\r\n')

    const upload = errorOf(sender.send(() => ({ bytes, rest: pieces(), release() {} }), never))
    const waiting = errorOf(post())

    for (const error of [upload, waiting]) assert.equal((await error).name, 'TimeoutError')
    stuck.abort()
  })

  test('a body whose pieces can’t be read fails its request, and the connection is closed', async (t) => {
    const { peer, sender, post } = await setUp(t, { maxConnections: 1 })
    // biome-ignore lint/correctness/useYield: it fails before its first piece
    async function* pieces(): AsyncGenerator<Buffer> {
      throw new Error('the spool is gone')
    }
    const bytes = Buffer.from('PUT /key HTTP/1.1\r\ncontent-length: 25\r\n\r\n')

    const sent = sender.send(() => ({ bytes, rest: pieces(), release() {} }), never)

    assert.equal((await errorOf(sent)).message, 'the spool is gone')
    assert.equal((await post()).status, 200)
    assert.equal(peer.sockets.length, 2)
  })

  test('the answer to HEAD has no body, whatever length it names', async (t) => {
    const { peer, sender, post } = await setUp(t, { maxConnections: 1 })
    peer.next(writes('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\netag: "x"\r\n\r\n'))
    const bytes = Buffer.from('HEAD /key HTTP/1.1\r\ncontent-length: 0\r\n\r\n')

    const answer = await sender.send(() => ({ bytes, isHead: true, release() {} }), never)

    assert.deepEqual([answer.status, answer.header('etag'), answer.body], [200, '"x"', ''])
    assert.equal((await post()).status, 200)
    assert.equal(peer.sockets.length, 1)
  })

  test('the bytes of a request are not given back before the kernel has them all', async (t) => {
    const { peer, sender } = await setUp(t, { maxConnections: 2, timeoutMs: 20_000 })
    const head = 'POST / HTTP/1.1\r\ncontent-length: 12000000\r\n\r\n'
    let released = 0
    const post = () =>
      sender.send(() => {
        const bytes = Buffer.from(head + 'x'.repeat(12_000_000))
        const release = () => {
          released++
          bytes.fill('!')
        }
        return { bytes, release }
      }, never)

    await Promise.all(Array.from({ length: 6 }, post))

    assert.equal(released, 6)
    for (const request of peer.requests) assert.equal(request.indexOf('!'), -1)
  })
})

async function closedByUs(peer: ScriptedPeer, index: number): Promise<void> {
  const socket = peer.sockets[index]
  assert.ok(socket !== undefined)
  if (!socket.destroyed) await once(socket, 'close')
}
