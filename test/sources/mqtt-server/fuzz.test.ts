/**
 * Whole sessions that nobody would write, against a server in a process of its own: it must not
 * crash, not hang and not grow. A few seconds by default; `FUZZ_MINUTES=10 npm run fuzz` for longer,
 * `FUZZ_SEED=…` for other sessions.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { letIn, ServerProcess, type ServerState } from './server-process.ts'
import { type FuzzedSession, SessionFuzzer } from './session-fuzzer.ts'

const MINUTES = Number(process.env['FUZZ_MINUTES'] ?? 0)
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)
const DURATION_MS = MINUTES > 0 ? MINUTES * 60_000 : 4_000
const AT_ONCE = 20
/** Looked at as often; what happens in the first half is settling. */
const PARTS = 8
/** A server that answers nobody for this long hangs. */
const ANSWER_WITHIN_MS = 10_000
/** Sessions kept, messages retained and code compiled settle before the first measurement. */
const MAX_GROWTH_BYTES = 8 * 1024 * 1024

async function play(port: number, session: FuzzedSession): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => undefined)
  if (session.isReading) socket.resume()
  await Promise.race([once(socket, 'connect').catch(() => undefined), closed])
  for (const piece of session.pieces) {
    if (socket.destroyed) break
    socket.write(piece)
    await setImmediate()
  }
  if (session.isPolite) {
    socket.resume()
    socket.end()
  } else {
    socket.resetAndDestroy()
  }
  await closed
}

/** Plays sessions until `untilMs`; returns how many. */
async function playMany(port: number, fuzzer: SessionFuzzer, untilMs: number): Promise<number> {
  let count = 0
  const workers = Array.from({ length: AT_ONCE }, async () => {
    while (Date.now() < untilMs) {
      await play(port, fuzzer.next())
      count++
    }
  })
  await Promise.all(workers)
  return count
}

async function expectAnswer(t: TestContext, port: number): Promise<void> {
  const timer = AbortSignal.timeout(ANSWER_WITHIN_MS)
  const answered = letIn(port, 'polite')
  const hung = once(timer, 'abort').then(() => assert.fail('no CONNACK: the server hangs'))
  const socket = await Promise.race([answered, hung])
  t.after(() => socket.destroy())
  socket.resetAndDestroy()
}

function mebibytes(states: readonly ServerState[], name: 'heldBytes' | 'rssBytes'): string {
  return `${states.map((state) => (state[name] / 2 ** 20).toFixed(1)).join(' ')} MiB`
}

test('sessions made up at random don’t crash the server, don’t hang it and don’t make it grow', {
  timeout: DURATION_MS + 120_000,
}, async (t) => {
  const server = await ServerProcess.start(t, 'tight')
  const fuzzer = new SessionFuzzer(SEED)
  const startMs = Date.now()

  const states: ServerState[] = []
  let sessions = 0
  for (let part = 1; part <= PARTS; part++) {
    sessions += await playMany(server.port, fuzzer, startMs + (DURATION_MS * part) / PARTS)
    await expectAnswer(t, server.port)
    states.push(await server.state())
  }
  const before = states[PARTS / 2 - 1]
  const after = states[PARTS - 1]

  assert.ok(before !== undefined && after !== undefined && sessions > 0)
  t.diagnostic(
    `${sessions} sessions, ${after.messages} messages taken in; held ${mebibytes(states, 'heldBytes')}, rss ${mebibytes(states, 'rssBytes')}`,
  )
  assert.ok(
    after.heldBytes - before.heldBytes < MAX_GROWTH_BYTES,
    `grew from ${before.heldBytes} to ${after.heldBytes} bytes`,
  )
})
