/**
 * Random requests for the HTTP server, valid and not: each is answered or its connection is closed,
 * and no answer is a fault of the server. `FUZZ_REQUESTS=200000` sends that many, `FUZZ_SEED=…`
 * others.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { CountedContents, EchoingPipelines, makeApi } from '../../support/analytics/served-api.ts'
import { RequestFuzzer } from '../../support/http/request-fuzzer.ts'
import { serveWithToken } from '../../support/http/served-view.ts'

const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 2_000)
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)
/** Requests of one connection, one behind the other. */
const PIPELINED = 5
const AT_ONCE = 4

async function answersTo(port: number, bytes: Buffer): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  const parts: Buffer[] = []
  socket.on('error', () => undefined)
  socket.on('data', (part: Buffer) => parts.push(part))
  socket.end(bytes)
  await once(socket, 'close')
  return Buffer.concat(parts).toString('latin1')
}

test('random requests are answered or refused, and never a fault of the server', {
  timeout: 3_600_000,
}, async (t) => {
  const { api } = await makeApi(t, {
    pipelineRunner: new EchoingPipelines(),
    datasetRunner: new CountedContents(),
  })
  const { server, url, view, token } = await serveWithToken(t, 'operate', {}, { api })
  for (let index = 0; index < 5; index++) view.add(`{"n":${index}}`, `id-${index}`)
  const fuzzer = new RequestFuzzer(SEED, token)
  const statuses = new Map<string, number>()
  const startMs = performance.now()
  let sent = 0

  const worker = async (): Promise<void> => {
    while (sent < REQUESTS) {
      const requests = Array.from({ length: PIPELINED }, () => fuzzer.next())
      sent += PIPELINED
      const answer = await answersTo(server.port, Buffer.concat(requests))
      for (const [, status = ''] of answer.matchAll(/HTTP\/1\.1 (\d{3})/g)) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
      const context = `${Buffer.concat(requests).toString('latin1')}\n\n${answer}`
      assert.doesNotMatch(answer, /HTTP\/1\.1 5(?!03)|\bat .*\.[jt]s:\d+/, context)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))

  const seconds = (performance.now() - startMs) / 1000
  const counts = [...statuses].sort().map(([status, count]) => `${status}: ${count}`)
  t.diagnostic(`${sent} requests in ${seconds.toFixed(1)} s; ${counts.join(', ')}`)
  assert.ok((statuses.get('200') ?? 0) > 0)
  assert.equal((await fetch(`${url}/health`)).status, 200)
})
