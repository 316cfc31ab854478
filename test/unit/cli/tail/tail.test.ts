/** `tail` against a small server that keeps the HTTP contract. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { fastify } from 'fastify'
import { RunningCommand, runCommand } from '../../../support/processes/command-line.ts'
import { until } from '../../../support/until.ts'

interface Row {
  readonly offset: number
  readonly receivedAt: number
  readonly topic: string
  readonly id?: string
  readonly messageId: string
  readonly payload?: string
  readonly payloadBase64?: string
}

const AT = Date.UTC(2026, 0, 31, 12)

function row(offset: number, more: Partial<Row> = { payload: `{"n":${offset}}` }): Row {
  const topic = 'iotanalytics/channels/c/messages/put'
  return { offset, receivedAt: AT + offset, topic, messageId: `m-${offset}`, ...more }
}

interface Query {
  readonly from: string
  readonly limit: string
  readonly wait: string
}

class FakeConnector {
  readonly rows: Row[]
  readonly queries: Query[] = []
  readonly #waiting = new Set<() => void>()
  readonly #server = fastify({ forceCloseConnections: true })
  readonly #events = new EventEmitter()
  url = ''
  isThere = true

  constructor(rows: Row[]) {
    this.rows = rows
  }

  async open(t: TestContext, port = 0): Promise<this> {
    t.after(() => this.close())
    this.#server.get<{ Params: { name: string }; Querystring: Query }>(
      '/api/v1/channels/:name/messages',
      async ({ params, query }, reply) => {
        this.queries.push(query)
        this.#events.emit('asked')
        if (params.name !== 'c' || !this.isThere) {
          return reply.code(404).send({ error: 'NotFound', message: 'There is no such channel.' })
        }
        const from = this.#offsetOf(query.from)
        if (this.#rowsFrom(from, 1).length === 0 && Number(query.wait) > 0) await this.#arrival()
        const rows = this.#rowsFrom(from, Number(query.limit))
        reply.header('x-next-offset', String(from))
        return reply.send(rows.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
      },
    )
    this.url = await this.#server.listen({ host: '127.0.0.1', port })
    return this
  }

  /** Resolves at the next request. */
  async asked(): Promise<void> {
    await once(this.#events, 'asked')
  }

  append(added: Row): void {
    this.rows.push(added)
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  async close(): Promise<void> {
    for (const wake of this.#waiting) wake()
    await this.#server.close()
  }

  #offsetOf(from: string): number {
    if (from === 'now') return (this.rows.at(-1)?.offset ?? -1) + 1
    if (from === 'earliest') return 0
    if (/^\d+$/.test(from)) return Number(from)
    return this.rows.findIndex((entry) => entry.receivedAt >= Date.parse(from))
  }

  #rowsFrom(from: number, limit: number): Row[] {
    return this.rows.filter(({ offset }) => offset >= from).slice(0, limit)
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve))
  }
}

test('all that a channel holds, a line each, pages put together', async (t) => {
  const rows = Array.from({ length: 2_500 }, (_, offset) => row(offset))
  const connector = await new FakeConnector(rows).open(t)

  const { code, stdout } = await runCommand(t, ['tail', 'c', '--url', connector.url])

  const lines = stdout.trimEnd().split('\n')
  assert.equal(code, 0)
  assert.equal(lines.length, 2_500)
  assert.equal(
    lines[0],
    '2026-01-31T12:00:00.000Z  #0  iotanalytics/channels/c/messages/put  messageId=m-0  {"n":0}',
  )
  assert.deepEqual(
    connector.queries.map(({ from }) => from),
    ['earliest', '1000', '2000', '2500'],
  )
})

test('--json gives each message as the connector does, -n ends it', async (t) => {
  const rows = [row(0), row(1, { id: 'req123', payload: 'x' }), row(2)]
  const connector = await new FakeConnector(rows).open(t)

  const args = ['tail', 'c', '--url', connector.url, '--json', '-n', '2']
  const { stdout } = await runCommand(t, args)

  assert.deepEqual(
    stdout.trimEnd().split('\n'),
    rows.slice(0, 2).map((entry) => JSON.stringify(entry)),
  )
  assert.equal(connector.queries[0]?.limit, '2')
})

test('ids, binary payloads and control characters are shown safely', async (t) => {
  const connector = await new FakeConnector([
    row(0, { id: 'req\u001b[2J', payload: 'a\nb\u001b[31mred\u009b' }),
    row(1, { payloadBase64: Buffer.from([0, 255]).toString('base64') }),
  ]).open(t)

  const { stdout } = await runCommand(t, ['tail', 'c', '--url', connector.url])

  const [first, second] = stdout.trimEnd().split('\n')
  assert(first?.endsWith('  id=req\\u001b[2J  a\\nb\\u001b[31mred\\u009b'))
  assert(second?.endsWith('  base64:AP8='))
})

test('--from takes an offset or a time', async (t) => {
  const connector = await new FakeConnector([row(0), row(1), row(2)]).open(t)
  const tail = async (from: string) =>
    (await runCommand(t, ['tail', 'c', '--url', connector.url, '--from', from])).stdout

  const offsets = (text: string) => [...text.matchAll(/#(\d+)/g)].map(([, offset]) => offset)
  assert.deepEqual(offsets(await tail('1')), ['1', '2'])
  assert.deepEqual(offsets(await tail('2026-01-31T13:00:00.002+01:00')), ['2'])
})

test('--follow shows what arrives from now on, and what arrived while the connector was away', async (t) => {
  const connector = await new FakeConnector([row(0)]).open(t)
  const asked = connector.asked()
  const command = new RunningCommand(t, [
    'tail',
    'c',
    '--url',
    connector.url,
    '--follow',
    '-n',
    '3',
  ])
  await asked

  connector.append(row(1))
  await command.says(/#1 /)
  await connector.close()
  const again = new FakeConnector([...connector.rows, row(2)])
  await again.open(t, Number(new URL(connector.url).port))
  await command.says(/#2 /)
  again.append(row(3))
  const { code, stdout } = await command.ends()

  assert.equal(code, 0)
  assert(!stdout.includes('#0 '))
  assert.match(stdout, /#1 .*\n.*#2 .*\n.*#3 /)
})

test('a channel that is not there is an error in a sentence', async (t) => {
  const connector = await new FakeConnector([]).open(t)

  const { code, stderr } = await runCommand(t, ['tail', 'nope', '--url', connector.url])

  assert.equal(code, 1)
  assert.equal(
    stderr,
    `error: The connector at ${connector.url} has no channel nope. ${connector.url}/api/v1/channels lists them.\n`,
  )
})

test('a channel that is not there yet is waited for with --follow', async (t) => {
  const connector = await new FakeConnector([]).open(t)
  connector.isThere = false
  const asked = connector.asked()
  const command = new RunningCommand(t, [
    'tail',
    'c',
    '--url',
    connector.url,
    '--follow',
    '-n',
    '1',
  ])
  await asked

  connector.append(row(0))
  connector.isThere = true
  const { code, stdout, stderr } = await command.ends()

  assert.equal(code, 0)
  assert.equal(stderr, 'c does not exist yet. Waiting for its first message.\n')
  assert.match(stdout, /#0 /)
})

test('a reader that goes away ends it quietly', async (t) => {
  const rows = Array.from({ length: 5_000 }, (_, offset) =>
    row(offset, { payload: 'x'.repeat(500) }),
  )
  const connector = await new FakeConnector(rows).open(t)
  const command = new RunningCommand(t, [
    'tail',
    'c',
    '--url',
    connector.url,
    '--follow',
    '--from',
    '0',
  ])

  await command.says(/#0 /)
  command.child.stdout.destroy()
  connector.append(row(5_000))
  const { code, stderr } = await command.ends()

  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
})

const READINGS = [
  row(0, { payload: '{"temp":20,"state":"run","motor":{"temp":1}}' }),
  row(1, { payload: '{"temp":35,"state":"error"}', topic: 'factory/pumps' }),
  row(2, { payload: 'no JSON, an error' }),
  row(3, { payload: '{"temp":40,"state":"r\\u001b[2J\\u202e"}' }),
  row(4, { payloadBase64: Buffer.from([0, 255]).toString('base64') }),
]

async function tailed(t: TestContext, args: readonly string[], env = {}) {
  const connector = await new FakeConnector(READINGS).open(t)
  const ended = await runCommand(t, ['tail', 'c', '--url', connector.url, ...args], { env })
  const offsets = [...ended.stdout.matchAll(/#(\d+)/g)].map(([, offset]) => Number(offset))
  return { ...ended, offsets, lines: ended.stdout.trimEnd().split('\n') }
}

test('--grep and --where select messages, and the end says how many were looked at', async (t) => {
  const [grep, topic, where, both] = await Promise.all([
    tailed(t, ['--grep', 'error']),
    tailed(t, ['--grep', '^factory/']),
    tailed(t, ['--where', 'temp>30']),
    tailed(t, ['--where', 'temp>30', '--where', 'state=error', '--grep', 'error']),
  ])

  assert.deepEqual(grep.offsets, [1, 2])
  assert.equal(grep.stderr, '2 of 5 messages match\n')
  assert.deepEqual(topic.offsets, [1])
  assert.deepEqual(where.offsets, [1, 3])
  assert.deepEqual(both.offsets, [1])
})

test('--limit counts the messages that are shown', async (t) => {
  const { offsets, stderr } = await tailed(t, ['--where', 'temp', '-n', '2'])

  assert.deepEqual(offsets, [0, 1])
  assert.equal(stderr, '2 of 2 messages match\n')
})

test('--field shows values in place of the payload, or alone with -o value', async (t) => {
  const [text, value] = await Promise.all([
    tailed(t, ['--field', 'temp', '--field', 'motor.temp']),
    tailed(t, ['--field', 'temp', '--field', 'state', '-o', 'value']),
  ])

  assert.match(text.lines[0] ?? '', / {2}messageId=m-0 {2}temp=20 {2}motor\.temp=1$/)
  assert.match(text.lines[2] ?? '', / {2}temp=- {2}motor\.temp=-$/)
  assert.deepEqual(value.lines, ['20\trun', '35\terror', '-\t-', '40\tr\\u001b[2J\\u202e', '-\t-'])
})

test('-o raw gives the payload as it is into a pipe, and -o json is --json', async (t) => {
  const [raw, json, flag] = await Promise.all([
    tailed(t, ['-o', 'raw', '-n', '2']),
    tailed(t, ['-o', 'json']),
    tailed(t, ['--json']),
  ])

  assert.deepEqual(
    raw.lines,
    READINGS.slice(0, 2).map(({ payload }) => payload),
  )
  assert.equal(json.stdout, flag.stdout)
})

test('on a terminal the parts of a line have colours, and what is found is bold', async (t) => {
  const { lines } = await tailed(t, ['--grep', 'error'], { FORCE_COLOR: '1' })
  const plain = await tailed(t, ['--grep', 'error'], { NO_COLOR: '1' })

  const escapeCharacter = String.fromCharCode(27)
  assert.ok(lines[0]?.includes(`${escapeCharacter}[36mfactory/pumps${escapeCharacter}[39m`))
  assert.ok(
    lines[0]?.includes(
      `"${escapeCharacter}[1m${escapeCharacter}[31merror${escapeCharacter}[39m${escapeCharacter}[22m"`,
    ),
  )
  assert.ok(!plain.stdout.includes(escapeCharacter))
})

test('--rate shows the first messages of a second and says how many it skipped', async (t) => {
  const connector = await new FakeConnector([]).open(t)
  const asked = connector.asked()
  const args = ['tail', 'c', '--url', connector.url, '--follow', '--rate', '2']
  const command = new RunningCommand(t, args)
  await asked
  for (let offset = 0; offset < 1_000; offset++) connector.append(row(offset))

  await command.says(/#1 /)
  await until('it says how many were skipped', () => command.stderr.includes('skipped'))

  assert.match(command.stderr, /^998 skipped\n/)
  assert.equal(command.stdout.trimEnd().split('\n').length, 2)
})
