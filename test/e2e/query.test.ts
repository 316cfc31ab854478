/** SQL on stored messages: beside the running connector, over HTTP, and on its directory alone. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { connectAsync, type MqttClient } from 'mqtt'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { RunningCommand, runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import {
  mqttUrlOf,
  startConnector,
  temporaryDirectory,
} from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const skip = WITHOUT_DUCKDB
/** Of this file's processes alone: other tests run queries too. */
const TEMPORARY = mkdtempSync(join(tmpdir(), 'query-test-'))
process.env['TMPDIR'] = TEMPORARY
after(() => rmSync(TEMPORARY, { recursive: true, force: true }))
const TOPIC = 'iotanalytics/channels/plant/messages/binary/put'
/** Runs for hours. */
const ENDLESS = 'select count(*) from range(1000000) a, range(1000000) b, range(1000000) c'

async function deviceOf(t: TestContext, url: string): Promise<MqttClient> {
  const device = await connectAsync(url)
  t.after(() => device.endAsync(true))
  return device
}

/** Resolves when the messages are acknowledged. */
async function publish(device: MqttClient, from: number, to: number): Promise<void> {
  const sent: Promise<unknown>[] = []
  for (let n = from; n < to; n++) {
    const payload = JSON.stringify({ n, device: `d-${n % 3}`, temp: n + 0.5, phase: { l1: n } })
    sent.push(device.publishAsync(TOPIC, payload, { qos: 1 }))
  }
  await Promise.all(sent)
}

function post(url: string, body: object | string, init: RequestInit = {}): Promise<Response> {
  const isText = typeof body === 'string'
  return fetch(`${url}/api/v1/query`, {
    method: 'POST',
    headers: { 'content-type': isText ? 'text/plain' : 'application/json' },
    body: isText ? body : JSON.stringify(body),
    ...init,
  })
}

/** Directories of queries that have not removed them. */
function leftovers(): string[] {
  return readdirSync(TEMPORARY).filter((name) => name.startsWith('iot-analytics-query-'))
}

test('an acknowledged message is in the next query, wherever it is asked', { skip }, async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(t, ['--data', directory]).started()
  const device = await deviceOf(t, connector.mqttUrl)
  const sql = 'select count(*) as n, max(temp) as temp, max(phase_l1) as l1 from plant'
  const args = ['query', sql, '--data', directory, '--format', 'jsonl']

  await publish(device, 0, 100)
  const beside = await runCommand(t, args)
  await publish(device, 100, 101)
  const overHttp = await (await post(connector.httpUrl, sql)).text()
  await connector.crash()
  const stopped = await runCommand(t, args)

  assert.equal(beside.stdout, '{"n":100,"temp":99.5,"l1":99}\n', beside.stderr)
  assert.match(beside.stderr, /^1 row in [0-9.]+ s; read 100 messages\n$/)
  assert.equal(overHttp, '{"n":101,"temp":100.5,"l1":100}\n')
  assert.equal(stopped.stdout, overHttp, stopped.stderr)
})

test('a query takes its SQL from a file or standard input, and writes a file', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(t, ['--data', directory]).started()
  await publish(await deviceOf(t, connector.mqttUrl), 0, 3)
  const [sqlFile, output] = [join(directory, 'q.sql'), join(directory, 'out.csv')]
  writeFileSync(sqlFile, 'select n, device\nfrom plant -- all of it\n;')

  const toFile = await runCommand(t, [
    'query',
    '--file',
    sqlFile,
    '-o',
    output,
    '--data',
    directory,
  ])
  const input = 'select n from plant where n = 1'
  const piped = await runCommand(t, ['query', '--data', directory], { input })
  const asTable = ['query', '--format', 'table', '--data', directory]
  const toTable = await runCommand(t, asTable, { input })
  const args = ['query', 'from plant', '-o', join(directory, 'out.parquet')]
  const parquet = await runCommand(t, [...args, '--url', connector.httpUrl])
  const plan = await runCommand(t, ['query', 'from plant', '--explain', '--data', directory])

  assert.equal(toFile.code, 0, toFile.stderr)
  assert.equal(readFileSync(output, 'utf8'), 'n,device\r\n0,d-0\r\n1,d-1\r\n2,d-2\r\n')
  assert.equal(piped.stdout, 'n\r\n1\r\n', piped.stderr)
  assert.equal(toTable.stdout, 'n\n─\n1\n', toTable.stderr)
  assert.match(parquet.stderr, /^3 rows in /)
  assert.equal(readFileSync(join(directory, 'out.parquet')).subarray(0, 4).toString(), 'PAR1')
  assert.match(plan.stdout, /STORED_ROWS/)
  assert.deepEqual(leftovers(), [])
})

test('errors name the place, the channels that there are, and the exit code', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(t, ['--data', directory]).started()
  await publish(await deviceOf(t, connector.mqttUrl), 0, 1)
  const query = (...args: string[]) => runCommand(t, ['query', ...args, '--data', directory])

  const column = await query('select tmp\nfrom plant')
  const channel = await query('from plamt', '--url', connector.httpUrl)
  const noSelect = await query('drop view plant')
  const twice = await query('from plant', '--file', 'x.sql')
  const elsewhere = await runCommand(t, ['query', 'select 1', '--data', join(directory, 'none')])

  assert.match(column.stderr, /Candidate bindings: "temp".*\nline 1: select tmp\n {15}\^\n$/)
  assert.match(channel.stderr, /^error: There is no channel "plamt". Did you mean "plant"\?\n/)
  assert.match(noSelect.stderr, /^error: Only SELECT can be used/)
  assert.match(twice.stderr, /got both/)
  assert.match(elsewhere.stderr, /is not a data directory/)
  assert.deepEqual(
    [column, channel, noSelect, twice, elsewhere].map(({ code }) => code),
    [1, 1, 1, 2, 2],
  )
})

test('a signal ends a query, and nothing of it is left', { skip }, async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(t, ['--data', directory]).started()
  await publish(await deviceOf(t, connector.mqttUrl), 0, 1)
  const output = join(directory, 'out.csv')
  const command = new RunningCommand(t, ['query', ENDLESS, '-o', output, '--data', directory])
  await until('the query runs', () => leftovers().length > 0)

  command.child.kill('SIGINT')
  const ended = await command.ends()

  assert.equal(ended.code, 1)
  assert.equal(ended.stderr, 'SIGINT: the query was cancelled\n')
  assert.deepEqual(leftovers(), [])
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.includes('out.csv')),
    [],
  )
})

test('a query that takes too much time or memory is ended alone', { skip }, async (t) => {
  const connector = await startConnector(t, {
    analytics: { query: { timeout: '1s' } },
  })
  const url = String(connector.describe().http)
  const big = ["select repeat('x', 2000000000)", 'select list_sort(range(60000000))']

  const late = await post(url, ENDLESS)
  const large = await Promise.all(big.map((sql) => post(url, sql)))

  assert.equal(late.status, 422)
  assert.match(await late.text(), /took longer than 1s \(analytics.query.timeout\)/)
  for (const answer of large) assert.ok([422, 503].includes(answer.status), await answer.text())
  // A busy machine may need more than the second to start the process again.
  await until('queries are answered', async () => {
    return (await (await post(url, 'select 1 as n')).text()) === '{"n":1}\n'
  })
  assert.equal((await fetch(`${url}/health`)).status, 200)
})

test('a client that goes away ends its query and frees its place', { skip }, async (t) => {
  const connector = await startConnector(t, { analytics: { query: { maxRunning: 1 } } })
  const url = String(connector.describe().http)
  const client = new AbortController()
  const endless = post(url, ENDLESS, { signal: client.signal })
  await until('the query runs', () => leftovers().length > 0)

  client.abort()
  await assert.rejects(endless)
  const next = await post(url, 'select 2 as n')

  assert.equal(await next.text(), '{"n":2}\n')
})

test('an operator ends the query of somebody else, and its place is free at once', {
  skip,
}, async (t) => {
  const token = 'a-token-of-some-length'
  const connector = await startConnector(t, {
    http: { port: 0, token },
    analytics: { query: { maxRunning: 1 } },
  })
  const url = String(connector.describe().http)
  const authorization = `Bearer ${token}`
  const headers = { 'content-type': 'text/plain', authorization }
  const endless = post(url, ENDLESS, { headers })
  await until('the query runs', () => leftovers().length > 0)
  const list = await fetch(`${url}/api/v1/query`, { headers: { authorization } })
  const { id } = JSON.parse(await list.text()).queries[0]

  await fetch(`${url}/api/v1/query/${id}`, { method: 'DELETE', headers: { authorization } })
  const ended = await endless
  const next = await post(url, 'select 2 as n', { headers })

  assert.equal(ended.status, 422)
  assert.match(await ended.text(), /"error":"QueryCancelled"/)
  assert.equal(await next.text(), '{"n":2}\n')
})

test('queries over HTTP have the access rules of other requests', { skip }, async (t) => {
  const token = 'a-token-of-some-length'
  const connector = await startConnector(t, { http: { port: 0, token } })
  const url = String(connector.describe().http)
  const headers = { 'content-type': 'text/plain', authorization: `Bearer ${token}` }

  const without = await post(url, 'select 1')
  const foreign = await post(url, 'select 1', {
    headers: { ...headers, origin: 'http://x.example' },
  })
  const unknown = await post(
    url,
    { sql: 'select 1', frmat: 'csv' },
    {
      headers: { ...headers, 'content-type': 'application/json' },
    },
  )
  const own = await post(url, 'select 1 as n', { headers })

  assert.deepEqual([without.status, foreign.status, unknown.status], [401, 403, 400])
  assert.equal(await own.text(), '{"n":1}\n')
})

test('a result is sent while it comes, and an error in it closes the connection', {
  skip,
}, async (t) => {
  const connector = await startConnector(t, { analytics: { query: { maxResultBytes: '1MB' } } })
  const url = String(connector.describe().http)

  const whole = await post(url, { sql: 'from range(100000)', format: 'csv' })
  const cut = await post(url, { sql: 'from range(100000)', format: 'csv', maxRows: 2 })
  const tooLarge = await post(url, { sql: 'from range(1000000)', format: 'csv' })

  assert.equal((await whole.text()).split('\r\n').length, 100_002)
  assert.equal(await cut.text(), 'range\r\n0\r\n1\r\n')
  assert.equal(tooLarge.status, 200)
  await assert.rejects(tooLarge.text(), /terminated/)
})

test('channels of a connector that runs are listed and described', { skip }, async (t) => {
  const connector = await startConnector(t, {})
  const url = String(connector.describe().http)
  await publish(await deviceOf(t, mqttUrlOf(connector)), 0, 2)

  const tables = await (await post(url, 'show tables')).text()
  const columns = await (
    await post(url, { sql: 'select column_name from (describe plant)', format: 'csv' })
  ).text()

  assert.equal(tables, '{"name":"plant"}\n')
  assert.deepEqual(columns.trim().split('\r\n').slice(1), [
    ...['offset', 'arrival_time', 'message_id', 'topic', 'sender_id', 'response_topic'],
    ...['correlation_data', 'payload', 'drift', 'n', 'device', 'temp', 'phase_l1', '__dt'],
  ])
})
