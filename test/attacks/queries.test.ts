/** Queries that want all memory or all time: messages beside them are taken as before. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { connectAsync, type MqttClient } from 'mqtt'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { temporaryDirectory } from '../support/disk/disk-stores.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { until } from '../support/until.ts'

const TIMEOUT_MS = 2_000
/** Two seconds until it is killed, and one for a busy machine. */
const LATEST_MS = TIMEOUT_MS + 3_000
const MOST_GROWTH_MB = 48
/** Generous: the machine may be busy with something else at the one time, and not at the other. */
const MOST_TIMES_SLOWER = 3
const SPARE_MS = 50
const TOPIC = 'iotanalytics/channels/plant/messages/binary/put'
const HOSTILE = [
  // One value that no limit of DuckDB's holds.
  "select repeat('x', 2000000000)",
  'select list_sort(range(60000000))',
  'select length(string_agg(repeat(chr(65 + (i % 26)::int), 100000))) from range(1000000) t(i)',
  // Only time.
  'select count(*) from range(1000000) a, range(1000000) b, range(1000000) c',
]

const skip =
  WITHOUT_DUCKDB || (process.platform !== 'linux' && 'memory is read from /proc: needs Linux')

function rssMegabytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
}

/** How long each PUBACK took, one message at a time, while the condition holds. */
async function pubacks(device: MqttClient, goesOn: (count: number) => boolean): Promise<number[]> {
  const times: number[] = []
  while (goesOn(times.length)) {
    const began = performance.now()
    await device.publishAsync(TOPIC, '{"n":1}', { qos: 1 })
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)
}

function p99(times: readonly number[]): number {
  return times[Math.floor(times.length * 0.99)] ?? Number.NaN
}

async function deviceOf(t: TestContext, url: string): Promise<MqttClient> {
  const device = await connectAsync(url)
  t.after(() => device.endAsync(true))
  return device
}

test('hostile queries end, and neither memory nor acknowledgements of the connector notice', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const limits = ['--set', `analytics.query.timeout=${TIMEOUT_MS}ms`]
  const connector = await new ConnectorProcess(t, ['--data', directory, ...limits]).started()
  const { pid } = connector.command.child
  const device = await deviceOf(t, connector.mqttUrl)
  const ask = (body: string) =>
    fetch(`${connector.httpUrl}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body,
    }).then((answer) => answer.text())
  await pubacks(device, (count) => count < 500)
  const answers = async () => (await ask('select 7 as n')) === '{"n":7}\n'
  await until('queries are answered', answers)
  const quiet = p99(await pubacks(device, (count) => count < 500))
  const before = rssMegabytes(pid)

  for (const sql of HOSTILE) {
    const began = performance.now()
    let isOver = false
    let most = 0
    const answered = ask(sql).finally(() => {
      isOver = true
    })
    const times = await pubacks(device, () => {
      most = Math.max(most, rssMegabytes(pid))
      return !isOver
    })
    const tookMs = performance.now() - began

    const figures = `${Math.round(tookMs)} ms, ${Math.round(most - before)} MB more, PUBACK p99 ${p99(times).toFixed(1)} ms of ${times.length} (quiet: ${quiet.toFixed(1)} ms)`
    t.diagnostic(`${figures}: ${sql.slice(0, 60)}`)
    assert.match(await answered, /QueryLimit|AnalyticsUnavailable|memory|took longer|ended/)
    assert.ok(tookMs < LATEST_MS, figures)
    assert.ok(most - before < MOST_GROWTH_MB, figures)
    assert.ok(p99(times) < MOST_TIMES_SLOWER * quiet + SPARE_MS, figures)
  }
  await until('queries are answered again', answers)
})
