/** What systemd is told, by its own systemd-notify, on a socket as its own. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ServiceManager } from '../../../src/cli/commands/run/service-manager.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { NotifySocket } from '../../support/processes/notify-socket.ts'
import { skipWithout } from '../../support/processes/real-peers.ts'
import { until } from '../../support/until.ts'

const skip = skipWithout('python3', 'systemd-notify')
const PERIOD_MS = 60_000
const PID = 4711

class Rig {
  readonly clock = new ManualClock()
  readonly failures: string[] = []
  readonly hangs: number[] = []
  readonly manager: ServiceManager
  commitPendingMs = 0

  constructor(environment: NodeJS.ProcessEnv) {
    this.manager = new ServiceManager({
      environment: { PATH: process.env['PATH'], ...environment },
      pid: PID,
      clock: this.clock,
      commitPendingMs: () => this.commitPendingMs,
      onFailed: (reason) => this.failures.push(reason),
      onDiskHangs: (pendingMs) => this.hangs.push(pendingMs),
    })
  }
}

async function watched(t: TestContext, environment: NodeJS.ProcessEnv = {}) {
  const socket = await NotifySocket.open(t)
  const rig = new Rig({
    NOTIFY_SOCKET: socket.path,
    WATCHDOG_USEC: String(PERIOD_MS * 1000),
    ...environment,
  })
  t.after(() => rig.manager.close())
  return { rig, socket }
}

async function hasReported(socket: NotifySocket, expected: readonly string[]): Promise<void> {
  await until(`${expected.length} reports have come`, () => {
    return socket.reports.length >= expected.length
  })
  assert.deepEqual(socket.reports, expected)
}

test('systemd learns of the start, the reading of files and the stop, in this order', {
  skip,
}, async (t) => {
  const { rig, socket } = await watched(t, { WATCHDOG_USEC: '' })

  rig.manager.ready()
  rig.manager.reloading()
  rig.manager.ready()
  rig.manager.stopping()

  await hasReported(socket, ['READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1'])
  assert.deepEqual(rig.failures, [])
})

test('the watchdog hears three times in its period that all is well, until the disk leaves a commit unanswered', {
  skip,
}, async (t) => {
  const { rig, socket } = await watched(t)

  rig.manager.ready()
  rig.clock.advance(PERIOD_MS)
  const well = ['READY=1', ...Array.from({ length: 4 }, () => 'WATCHDOG=1')]
  await hasReported(socket, well)
  rig.commitPendingMs = PERIOD_MS / 2 + 1
  rig.clock.advance(10 * PERIOD_MS)
  rig.manager.reloading()

  // Nothing came between: reports keep their order.
  await hasReported(socket, [...well, 'RELOADING=1'])
  assert.deepEqual(rig.hangs, [PERIOD_MS / 2 + 1])
})

test('the watchdog hears that all is well again once the disk answers', { skip }, async (t) => {
  const { rig, socket } = await watched(t)
  rig.commitPendingMs = PERIOD_MS
  rig.manager.ready()

  rig.commitPendingMs = 0
  rig.clock.advance(PERIOD_MS / 3)

  await hasReported(socket, ['READY=1', 'WATCHDOG=1'])
  assert.deepEqual(rig.hangs, [PERIOD_MS])
})

test('a watchdog for another process is not reported to', { skip }, async (t) => {
  const { rig, socket } = await watched(t, { WATCHDOG_PID: String(PID + 1) })

  rig.manager.ready()
  rig.clock.advance(10 * PERIOD_MS)
  rig.manager.stopping()

  await hasReported(socket, ['READY=1', 'STOPPING=1'])
})

test('without a service manager nothing is started, and one that does not answer is reported', async () => {
  const alone = new Rig({ PATH: '/nowhere' })
  alone.manager.ready()
  assert.equal(alone.clock.pendingCalls, 0)
  assert.deepEqual(alone.failures, [])

  const without = new Rig({ PATH: '/nowhere', NOTIFY_SOCKET: '/nowhere/notify' })
  without.manager.ready()

  await until('the failure is reported', () => without.failures.length > 0)
  assert.match(without.failures[0] ?? '', /systemd-notify ENOENT/)
  assert.deepEqual(alone.failures, [])
})
