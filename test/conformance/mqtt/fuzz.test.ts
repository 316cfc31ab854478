/**
 * Random sessions against a server in a process of its own, which must not crash, hang or grow. It
 * takes a few seconds by default; use `FUZZ_MINUTES=10 npm run fuzz` or `FUZZ_PACKETS=10000000` for
 * longer runs, `FUZZ_SEED=…` for other sessions, and `FUZZ_BOUNDS=default` for the server's default
 * bounds. Those take eight minutes, because they must be reached at half time.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { letIn, ServerProcess, type ServerState } from '../../support/mqtt/server-process.ts'
import { type FuzzedSession, SessionFuzzer } from '../../support/mqtt/session-fuzzer.ts'
import { resetSocket } from '../../support/servers/reset-socket.ts'

const MINUTES = Number(process.env['FUZZ_MINUTES'] ?? 0)
/** If it is set, the run lasts until this many packets were sent. */
const PACKETS = Number(process.env['FUZZ_PACKETS'] ?? 0)
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)
/** Bounds that are reached in seconds, or the server's defaults. */
const BOUNDS = process.env['FUZZ_BOUNDS'] === 'default' ? 'mqtt' : 'tight'
const DURATION_MS = MINUTES > 0 ? MINUTES * 60_000 : 4_000
const TIMEOUT_MS = PACKETS > 0 ? 4 * 3_600_000 : DURATION_MS + 120_000
const AT_ONCE = 20
/** How often memory is measured; the first half does not count. */
const PARTS = 8
/** A server that answers no client for this long hangs. */
const ANSWER_WITHIN_MS = 10_000
/** Sessions, retained messages and compiled code reach their size before the first measurement. */
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
    resetSocket(socket)
  }
  await closed
}

interface Played {
  sessions: number
  packets: number
}

/** Plays sessions until it is the end, and counts them. */
async function playMany(
  port: number,
  fuzzer: SessionFuzzer,
  isOver: () => boolean,
  played: Played,
): Promise<void> {
  const workers = Array.from({ length: AT_ONCE }, async () => {
    while (!isOver()) {
      const session = fuzzer.next()
      await play(port, session)
      played.sessions++
      played.packets += session.packets
    }
  })
  await Promise.all(workers)
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

test('random sessions do not crash the server, hang it or make it grow', {
  timeout: TIMEOUT_MS,
}, async (t) => {
  const server = await ServerProcess.start(t, BOUNDS)
  const fuzzer = new SessionFuzzer(SEED)
  const startMs = Date.now()

  const states: ServerState[] = []
  const played: Played = { sessions: 0, packets: 0 }
  for (let part = 1; part <= PARTS; part++) {
    const untilMs = startMs + (DURATION_MS * part) / PARTS
    const isOver = (): boolean =>
      PACKETS > 0 ? played.packets >= (PACKETS * part) / PARTS : Date.now() >= untilMs
    await playMany(server.port, fuzzer, isOver, played)
    await expectAnswer(t, server.port)
    states.push(await server.state())
  }
  const before = states[PARTS / 2 - 1]
  const after = states[PARTS - 1]

  assert.ok(before !== undefined && after !== undefined && played.sessions > 0)
  const seconds = ((Date.now() - startMs) / 1000).toFixed()
  t.diagnostic(`${played.packets} packets in ${played.sessions} sessions, ${seconds} s`)
  t.diagnostic(`held ${mebibytes(states, 'heldBytes')}, rss ${mebibytes(states, 'rssBytes')}`)
  assert.ok(
    after.heldBytes - before.heldBytes < MAX_GROWTH_BYTES,
    `grew from ${before.heldBytes} to ${after.heldBytes} bytes`,
  )
})
