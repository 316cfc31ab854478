import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { ChannelLedger, OutageLeft, StoreLedger } from '../../../src/channels/ledger/ledger.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { HttpServer } from '../../../src/http/http-server.ts'
import type { HttpOptions } from '../../../src/http/options.ts'
import type {
  ConnectorView,
  Health,
  MessagePage,
  ReadFrom,
} from '../../../src/http/views/connector-view.ts'
import type {
  DeadLetterFilter,
  DeadLetterPage,
  ReplayRequest,
} from '../../../src/http/views/dead-letters-view.ts'
import type { Message } from '../../../src/message.ts'

const START = Date.UTC(2026, 0, 1)

/** A connector with one channel, `pumps`, held in an array. */
class ListView implements ConnectorView {
  state: Health = { live: true, ready: true, storage: 'ok', problems: [], outage: undefined }
  readonly messages: Message[] = []
  readonly waiting: (() => void)[] = []
  readonly signals: AbortSignal[] = []
  failure: Error | undefined
  letters: DeadLetterPage | undefined
  readonly asked: unknown[] = []

  add(payload: string | Buffer, senderId?: string): void {
    const offset = this.messages.length
    this.messages.push({
      offset,
      receivedAt: START + offset * 1000,
      topic: 'iotanalytics/channels/pumps/messages/put',
      senderId,
      messageId: senderId ?? `log-${offset}`,
      payload: Buffer.from(payload),
      reply: undefined,
    })
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  health(): Health {
    return this.state
  }

  ledger(): readonly ChannelLedger[] {
    return ['pumps', 'valves'].map((channel) => ({
      channel,
      received: 10,
      delivered: 6,
      rejected: 0,
      dropped: { QueueFull: 2 },
      expired: 0,
      waiting: 1,
      inFlight: 1,
      bytes: 1000,
      oldestWaitingAt: channel === 'pumps' ? START : undefined,
      readers: {},
    }))
  }

  store(): StoreLedger {
    return {
      state: 'ok',
      problem: undefined,
      bytes: 2000,
      maxBytes: 4000,
      historyBytes: 0,
      bytesWritten: 5000,
      syncs: 7,
      messageBytes: 2500,
      deadLetters: 3,
    }
  }

  outage(): readonly OutageLeft[] {
    return [{ channel: 'pumps', seconds: 7300.5, bound: 'storage.maxBytes' }]
  }

  async metrics() {
    return { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'up 1\n' }
  }

  async readMessages(
    channel: string,
    from: ReadFrom,
    limit: number,
  ): Promise<MessagePage | undefined> {
    if (this.failure !== undefined) throw this.failure
    if (channel !== 'pumps') return undefined
    const start = this.#start(from)
    const messages = this.messages.slice(start, start + limit)
    return { messages, next: Math.max(start, start + messages.length) }
  }

  async why(id: string) {
    const message = { channel: 'pumps', offset: 0, sentences: ['It came.', 'It went.'] }
    return { id, messages: id === 'a/b' ? [message] : [], notes: ['Not all was looked at.'] }
  }

  async readDeadLetters(filter: DeadLetterFilter, from: number, limit: number) {
    this.asked.push({ filter, from, limit })
    return this.letters
  }

  async replayDeadLetters(request: ReplayRequest) {
    this.asked.push(request)
    const refusal = { error: 'QueueFull', message: 'full' }
    return { matched: 2, replayed: 1, refused: [{ offset: 7, refusal }], next: undefined, to: 9 }
  }

  async waitForMessages(_channel: string, _offset: number, signal: AbortSignal): Promise<void> {
    this.signals.push(signal)
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      this.waiting.push(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  #start(from: ReadFrom): number {
    if (from === 'earliest') return 0
    if (from === 'now') return this.messages.length
    if ('offset' in from) return from.offset
    const first = this.messages.findIndex(({ receivedAt }) => receivedAt >= from.timeMs)
    return first === -1 ? this.messages.length : first
  }
}

async function serve(t: TestContext, options: Partial<HttpOptions> = {}) {
  const view = new ListView()
  const server = new HttpServer({
    options: { host: '127.0.0.1', port: 0, allowAnonymous: false, ...options },
    view,
  })
  t.after(() => server.close())
  await server.start()
  return { view, server, url: server.description }
}

async function jsonOf(response: Response) {
  return JSON.parse(await response.text())
}

async function linesOf(response: Response): Promise<Record<string, unknown>[]> {
  const lines = (await response.text()).split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line))
}

test('health is 200 when live and ready, and 503 with the reasons when not', async (t) => {
  const { view, url } = await serve(t)

  const well = await fetch(`${url}/health`)
  view.state = {
    live: true,
    ready: false,
    storage: 'full',
    problems: ['Storage: no space left on /data.'],
    outage: 'Not long.',
  }
  const unready = await fetch(`${url}/health`)
  const [live, ready] = await Promise.all([
    fetch(`${url}/health/live`),
    fetch(`${url}/health/ready`),
  ])

  assert.equal(well.status, 200)
  assert.deepEqual(await well.json(), { live: true, ready: true, storage: 'ok', problems: [] })
  assert.equal(unready.status, 503)
  assert.deepEqual(await unready.json(), view.state)
  assert.deepEqual([live.status, ready.status], [200, 503])
})

test('metrics are passed on with their content type', async (t) => {
  const { url } = await serve(t)

  const response = await fetch(`${url}/metrics`)

  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assert.equal(await response.text(), 'up 1\n')
})

test('the ledger adds up over the channels, as JSON and as a table', async (t) => {
  const { url } = await serve(t)

  const json = await jsonOf(await fetch(`${url}/ledger`))
  const text = await (await fetch(`${url}/ledger?format=text`)).text()

  assert.equal(json.totals.received, 20)
  assert.deepEqual(json.totals.dropped, { QueueFull: 4 })
  assert.equal(json.channels[0].oldestWaitingAt, '2026-01-01T00:00:00.000Z')
  assert.equal(json.channels[1].oldestWaitingAt, null)
  assert.deepEqual(
    [json.channels[0].outageLeftSeconds, json.channels[0].outageBound],
    [7300, 'storage.maxBytes'],
  )
  assert.equal(json.channels[1].outageLeftSeconds, null)
  assert.equal(json.store.deadLetters, 3)
  assert.equal(
    text,
    'channel  received  delivered  rejected  dropped  expired  waiting  in flight  bytes  outage left\n' +
      'pumps          10          6         0        2        0        1          1   1000          2 h\n' +
      'valves         10          6         0        2        0        1          1   1000            -\n' +
      'total          20         12         0        4        0        2          2   2000             \n' +
      '\nstorage: ok, 2000 of 4000 bytes\ndead letters: 3\n',
  )
})

test('channels are listed with the place of their messages', async (t) => {
  const { url } = await serve(t)

  const { channels } = await jsonOf(await fetch(`${url}/channels`))

  assert.deepEqual(channels[0], {
    name: 'pumps',
    received: 10,
    waiting: 1,
    bytes: 1000,
    messages: '/channels/pumps/messages',
  })
})

test('messages come one JSON object a line, text as text and bytes as base64', async (t) => {
  const { view, url } = await serve(t)
  view.add('{"temp":23.33}', 'req123')
  view.add(Buffer.from([0xff, 0x00, 0x41]))

  const response = await fetch(`${url}/channels/pumps/messages`)

  assert.equal(response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
  assert.equal(response.headers.get('x-next-offset'), '2')
  assert.deepEqual(await linesOf(response), [
    {
      offset: 0,
      receivedAt: '2026-01-01T00:00:00.000Z',
      topic: 'iotanalytics/channels/pumps/messages/put',
      id: 'req123',
      messageId: 'req123',
      payload: '{"temp":23.33}',
    },
    {
      offset: 1,
      receivedAt: '2026-01-01T00:00:01.000Z',
      topic: 'iotanalytics/channels/pumps/messages/put',
      messageId: 'log-1',
      payloadBase64: '/wBB',
    },
  ])
})

test('reading begins at the earliest, now, an offset or a time', async (t) => {
  const { view, url } = await serve(t)
  for (let n = 0; n < 5; n++) view.add(`m${n}`)
  const offsets = async (query: string) =>
    (await linesOf(await fetch(`${url}/channels/pumps/messages?${query}`))).map(
      ({ offset }) => offset,
    )

  assert.deepEqual(await offsets('from=earliest&limit=2'), [0, 1])
  assert.deepEqual(await offsets('from=now'), [])
  assert.deepEqual(await offsets('from=3'), [3, 4])
  assert.deepEqual(await offsets('from=2026-01-01T00:00:02Z'), [2, 3, 4])
})

test('a request that waits is answered when something newer is there', async (t) => {
  const { view, url } = await serve(t)
  view.add('old')

  const response = fetch(`${url}/channels/pumps/messages?from=now&wait=30`)
  while (view.waiting.length === 0) await new Promise(setImmediate)
  view.add('new')

  const lines = await linesOf(await response)
  assert.deepEqual(
    lines.map(({ payload }) => payload),
    ['new'],
  )
})

test('a request that waits in vain ends when its time is over, or its client goes', async (t) => {
  const { view, url } = await serve(t)
  const leaving = new AbortController()

  const inVain = await fetch(`${url}/channels/pumps/messages?from=now&wait=1`)
  const left = fetch(`${url}/channels/pumps/messages?from=now&wait=60`, { signal: leaving.signal })
  while (view.signals.length < 2) await new Promise(setImmediate)
  leaving.abort()
  await assert.rejects(left)
  if (view.signals[1]?.aborted === false) await once(view.signals[1], 'abort')

  assert.equal(await inVain.text(), '')
  assert.equal(inVain.headers.get('x-next-offset'), '0')
})

test('closing ends a request that waits', async (t) => {
  const { view, server, url } = await serve(t)
  const response = fetch(`${url}/channels/pumps/messages?from=now&wait=60`).catch(
    (error: unknown) => error,
  )
  while (view.waiting.length === 0) await new Promise(setImmediate)

  await server.close()

  assert.ok((await response) !== undefined)
  await assert.rejects(fetch(url))
})

test('what cannot be served is answered with what was expected', async (t) => {
  const { url } = await serve(t)
  const answer = async (path: string) => {
    const response = await fetch(`${url}${path}`)
    return { status: response.status, body: await jsonOf(response) }
  }

  for (const query of [
    'from=yesterday',
    'from=2026-99-01',
    'limit=0',
    'limit=1001',
    'limit=1e3',
    'limit=1&limit=2',
    'wait=61',
    'wiat=5',
  ]) {
    const { status, body } = await answer(`/channels/pumps/messages?${query}`)
    assert.equal(status, 400, query)
    assert.equal(body.error, 'InvalidRequest')
    assert.match(body.message, /limit|from|wait|wiat/)
  }
  const unknownChannel = await answer('/channels/pipes/messages')
  assert.equal(unknownChannel.status, 404)
  assert.equal(unknownChannel.body.error, 'ChannelNotFound')
  assert.match(unknownChannel.body.message, /"pipes"/)
  assert.equal((await answer('/nothing')).status, 404)
  for (const name of ['%zz', 'x'.repeat(5000)]) {
    const { status, body } = await answer(`/channels/${name}/messages`)
    assert.ok(status === 400 || status === 414, String(status))
    assert.equal(body.error, 'InvalidRequest')
    assert.equal(typeof body.message, 'string')
  }
  assert.equal((await answer('/ledger?format=xml')).status, 400)
})

test('a failing connector is a 5xx with its code, and the server goes on', async (t) => {
  const { view, url } = await serve(t)
  const failing = async (failure: Error) => {
    view.failure = failure
    const response = await fetch(`${url}/channels/pumps/messages`)
    return [response.status, (await jsonOf(response)).error]
  }

  const unreadable = await failing(new ConnectorError('StorageFailed', 'reading: EIO'))
  const broken = await failing(new Error('boom'))

  assert.deepEqual(unreadable, [503, 'StorageFailed'])
  assert.deepEqual(broken, [500, 'Unexpected'])
  assert.equal((await fetch(`${url}/health`)).status, 200)
})

test('malformed and oversized requests end their own connection alone', async (t) => {
  const { server, url } = await serve(t)
  const tooLarge = `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`

  for (const bytes of ['\u0000\u0001 nonsense\r\n\r\n', tooLarge]) {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.write(bytes)
    await once(socket, 'close')
  }

  assert.equal((await fetch(`${url}/health`)).status, 200)
})

test('on loopback a request for some site’s name is refused, for it may be a page’s', async (t) => {
  const { server } = await serve(t)
  const statusFor = async (host: string) => {
    const socket = connect(server.port, '127.0.0.1')
    socket.end(`GET /health HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
    const [chunk] = await once(socket, 'data')
    return String(chunk).split(' ')[1]
  }

  assert.equal(await statusFor('rebound.example:8090'), '421')
  assert.equal(await statusFor('localhost:8090'), '200')
  assert.equal(await statusFor('127.0.0.1'), '200')
  assert.equal(await statusFor('[::1]:8090'), '200')
})

test('listening beyond loopback has to be meant', async (t) => {
  await assert.rejects(
    serve(t, { host: '0.0.0.0' }),
    (error) =>
      error instanceof ConnectorError &&
      error.code === 'InvalidConfiguration' &&
      error.message.includes('http.allowAnonymous'),
  )
  const { server } = await serve(t, { host: '0.0.0.0', allowAnonymous: true })
  assert.equal((await fetch(`http://127.0.0.1:${server.port}/health`)).status, 200)
})

test('an address that is taken is an error that names it', async (t) => {
  const { server } = await serve(t)

  await assert.rejects(
    serve(t, { port: server.port }),
    (error) =>
      error instanceof ConnectorError &&
      error.code === 'AddressInUse' &&
      error.message.includes(String(server.port)),
  )
})

test('start and close may be called twice, close before start too', async (t) => {
  const { server } = await serve(t)
  const port = server.port

  await server.start()
  assert.equal(server.port, port)
  await server.close()
  await server.close()
  await new HttpServer({
    options: { host: '127.0.0.1', port: 0, allowAnonymous: false },
    view: new ListView(),
  }).close()
})

test('the overview names every route', async (t) => {
  const { url } = await serve(t)

  const page = await (await fetch(url)).text()

  for (const route of ['/health', '/ledger', '/channels', '/metrics']) {
    assert.ok(page.includes(route), route)
  }
})

test('dead letters are lines of JSON with the reason, and filtered by what is asked', async (t) => {
  const { view, url } = await serve(t)
  const absent = await fetch(`${url}/dead-letters`)
  view.letters = {
    letters: [
      {
        offset: 3,
        keptAt: START + 5000,
        channel: 'pumps',
        destination: undefined,
        refusal: { error: 'InvalidMessage', message: 'no JSON' },
        topic: 'iotanalytics/channels/pumps/messages/put',
        receivedAt: START,
        senderId: '',
        messageId: undefined,
        payload: Buffer.from([0xff]),
      },
    ],
    next: 4,
  }

  const response = await fetch(
    `${url}/dead-letters?channel=pumps&error=InvalidMessage&since=2026-01-01T00:00:00Z&from=2&limit=1`,
  )

  assert.equal(absent.status, 404)
  assert.equal(response.headers.get('x-next-offset'), '4')
  assert.deepEqual(await linesOf(response), [
    {
      offset: 3,
      keptAt: '2026-01-01T00:00:05.000Z',
      channel: 'pumps',
      error: 'InvalidMessage',
      error_message: 'no JSON',
      topic: 'iotanalytics/channels/pumps/messages/put',
      receivedAt: '2026-01-01T00:00:00.000Z',
      id: '',
      payloadBase64: '/w==',
    },
  ])
  assert.deepEqual(view.asked.at(-1), {
    filter: { channel: 'pumps', error: 'InvalidMessage', since: START },
    from: 2,
    limit: 1,
  })
})

test('a replay is asked for with JSON, and never by a page of another site', async (t) => {
  const { view, url } = await serve(t)
  const json = { 'content-type': 'application/json' }
  const post = (headers: Record<string, string>, body = '{"channel":"pumps","dryRun":true}') =>
    fetch(`${url}/dead-letters/replay`, { method: 'POST', headers, body })

  const good = await post(json)
  const own = await post({ ...json, origin: url })
  const statuses = await Promise.all(
    [
      post({ 'content-type': 'text/plain' }),
      post({ 'content-type': 'application/x-www-form-urlencoded' }),
      post({ ...json, origin: 'https://example.com' }),
      post({ ...json, origin: 'null' }),
      post(json, '{"chanel":"pumps"}'),
      post(json, '{'),
    ].map(async (response) => (await response).status),
  )

  assert.deepEqual(await good.json(), {
    matched: 2,
    replayed: 1,
    refused: [{ offset: 7, error: 'QueueFull', error_message: 'full' }],
    next: null,
    to: 9,
  })
  assert.equal(own.status, 200)
  assert.deepEqual(statuses, [415, 415, 403, 403, 400, 400])
  assert.equal(view.asked.length, 2, 'nothing else reached the dead letters')
})

test('a message’s story is JSON or sentences, and 404 where nothing is known', async (t) => {
  const { url } = await serve(t)

  const text = await fetch(`${url}/why/a%2Fb?format=text`)
  const json = await fetch(`${url}/why/a%2Fb`)
  const unknown = await fetch(`${url}/why/c`)

  assert.equal(await text.text(), 'It came.\nIt went.\n\nNote: Not all was looked at.\n')
  assert.equal((await jsonOf(json)).messages[0].channel, 'pumps')
  assert.equal(unknown.status, 404)
})

test('the overview shows how it goes: state, totals, storage and each channel', async (t) => {
  const { view, url } = await serve(t)

  const well = await (await fetch(url)).text()
  view.state = {
    live: true,
    ready: false,
    storage: 'full',
    problems: ['No space left on <data>.'],
    outage: undefined,
  }
  const full = await (await fetch(url)).text()

  assert.match(well, /class="badge well">well</)
  assert.match(well, /<b>20<\/b>received/)
  assert.match(well, /title="QueueFull: 4"><b>4<\/b>dropped/)
  assert.match(well, /<tr><th>pumps<td>10<td>6<td>2<td>0<td title="QueueFull: 2">2/)
  assert.match(full, /class="badge bad">storage full</)
  assert.match(full, /No space left on &#60;data&#62;\./)
})
