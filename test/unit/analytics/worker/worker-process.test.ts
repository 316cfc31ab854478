import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  type WorkerOptions,
  WorkerProcess,
} from '../../../../src/analytics/worker/worker-process.ts'
import { until } from '../../../support/until.ts'

const PROGRAM = new URL('../../../support/analytics/test-worker.js', import.meta.url)

function workerOf(t: TestContext, given: Partial<WorkerOptions> = {}): WorkerProcess {
  const options = { program: PROGRAM, memoryBytes: 1e9, niceness: 10, idleMs: 60_000 }
  const worker = new WorkerProcess({ ...options, ...given })
  t.after(() => worker.close())
  return worker
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a job gets its request and its result comes back, many at a time', async (t) => {
  const worker = workerOf(t)

  const results = await Promise.all(
    [1, { a: [2n] }, Buffer.from('x')].map((request) => worker.run('echo', request)),
  )

  assert.deepEqual(results, [1, { a: [2n] }, Buffer.from('x')])
})

test('events arrive in order, and the job waits until they are taken', async (t) => {
  const worker = workerOf(t)
  const taken: string[] = []
  let waiting = 0

  const result = await worker.run('count', 100, {
    onEvent: async (event) => {
      waiting++
      assert.equal(waiting, 1)
      await new Promise((resolve) => setImmediate(resolve))
      waiting--
      taken.push(Buffer.from(event as Uint8Array).toString())
    },
  })

  assert.equal(result, 'counted')
  assert.deepEqual(
    taken,
    Array.from({ length: 100 }, (_, index) => `${index}`),
  )
})

test('lines for the log arrive, also after the job that began them', async (t) => {
  const lines: string[] = []
  const onLog = (source: string, line: string) => lines.push(`${source}: ${line}`)
  const worker = workerOf(t, { onLog })

  await worker.run('log', 0)

  await until('both lines are there', () => lines.length === 2)
  assert.deepEqual(lines, ['function f: a line', 'function f: one after the job'])
})

test('an error keeps its code and its details', async (t) => {
  const worker = workerOf(t)

  await assert.rejects(worker.run('refuse', 0), {
    code: 'QueryLimit',
    message: 'too much',
    details: { line: 3 },
  })
  await assert.rejects(worker.run('fail', 0), { code: 'Unexpected', message: 'broken' })
  await assert.rejects(worker.run('nothing', 0), { message: 'no job is called nothing' })
})

test('an error of the function that takes events ends the job', async (t) => {
  const worker = workerOf(t)
  const broken = new Error('the client has gone')

  const job = worker.run('count', 1e9, { onEvent: () => Promise.reject(broken) })

  await assert.rejects(job, broken)
})

test('a job that is aborted ends with the reason', async (t) => {
  const worker = workerOf(t)
  const cancelled = new AbortController()
  const job = worker.run('wait', 0, { signal: cancelled.signal })

  cancelled.abort(new Error('Ctrl-C'))

  await assert.rejects(job, { message: 'Ctrl-C' })
  assert.equal(await worker.run('echo', 'still there'), 'still there')
})

test('a job that does not end when its time is up is killed, and the next one works', async (t) => {
  const worker = workerOf(t)

  await assert.rejects(worker.run('spin', 0, { timeoutMs: 10 }), {
    code: 'QueryLimit',
    message: 'it took longer than 0.01 s',
  })

  assert.equal(await worker.run('echo', 'again'), 'again')
})

test('a process that ends says why, and the next job gets another one', async (t) => {
  const worker = workerOf(t)

  await assert.rejects(worker.run('exit', 0), {
    code: 'AnalyticsUnavailable',
    message: /ended: exit code 7; it said: no reason/,
  })

  assert.equal(await worker.run('echo', 'again'), 'again')
})

test('the limit holds for all memory of the process', {
  skip: process.platform !== 'linux' && 'the limit is one of Linux',
}, async (t) => {
  const worker = workerOf(t)

  await assert.rejects(worker.run('fill', 0), /ended|allocat/)

  assert.equal(await worker.run('echo', 'again'), 'again')
})

test('a process without jobs ends, and starts again with the next one', async (t) => {
  const worker = workerOf(t, { idleMs: 1 })
  await worker.run('echo', 1)
  const { pid = 0 } = worker

  await until('the process has ended', () => !isAlive(pid))

  assert.equal(worker.pid, undefined)
  assert.equal(await worker.run('echo', 2), 2)
})
