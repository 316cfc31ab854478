import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queryOptions } from '../../../../src/analytics/query/options.ts'
import { QueryRunner, type QueryWorker } from '../../../../src/analytics/query/query-runner.ts'
import { settled } from '../../../support/settled.ts'

const SUMMARY = { rows: 1, isCut: false, elapsedMs: 1, files: 0, fileBytes: 0, tailRows: 1 }
const MIB = 1024 * 1024

/** Jobs end when the test says so, or when they are aborted. */
class HeldWorker implements QueryWorker {
  readonly requests: Record<string, unknown>[] = []
  readonly #ends: (() => void)[] = []

  run: QueryWorker['run'] = (_job, request, { signal }) => {
    this.requests.push(request as Record<string, unknown>)
    return new Promise((resolve, reject) => {
      this.#ends.push(() => resolve(SUMMARY))
      signal?.addEventListener('abort', () => reject(signal.reason))
    })
  }

  async endFirst(): Promise<void> {
    await settled()
    this.#ends.shift()?.()
  }
}

function runnerOn(worker: QueryWorker, limits: object = {}) {
  const runner = new QueryRunner({ worker, directory: '/data', limits: queryOptions.parse(limits) })
  return (signal = new AbortController().signal) =>
    runner.run({ sql: 'select 1', format: 'csv' }, { signal, onPart: () => {} })
}

test('as many queries run as may, eight wait in order, and the next is refused', async () => {
  const worker = new HeldWorker()
  const ask = runnerOn(worker, { maxRunning: 1 })

  const first = ask()
  const waiting = Array.from({ length: 8 }, () => ask())
  await assert.rejects(ask(), { code: 'AnalyticsUnavailable' })
  await worker.endFirst()

  assert.deepEqual(await first, SUMMARY)
  for (const next of waiting) {
    await worker.endFirst()
    assert.deepEqual(await next, SUMMARY)
  }
  assert.equal(worker.requests.length, 9)
})

test('a query that waits leaves its place when its client does', async () => {
  const worker = new HeldWorker()
  const ask = runnerOn(worker, { maxRunning: 1 })
  const client = new AbortController()
  const first = ask()
  const second = ask(client.signal)

  client.abort(new Error('gone'))
  await assert.rejects(second, /gone/)
  await worker.endFirst()
  await first

  assert.equal(worker.requests.length, 1)
})

test('queries share what Node leaves of the memory', async () => {
  const worker = new HeldWorker()
  const signal = AbortSignal.abort()

  const alone = runnerOn(worker, { memory: '1GiB', maxRunning: 1 })()
  const one = runnerOn(worker, { memory: '1GiB', maxRunning: 3 })()
  await assert.rejects(runnerOn(worker)(signal))
  await worker.endFirst()
  await worker.endFirst()
  await Promise.all([alone, one])

  assert.deepEqual(
    worker.requests.map(({ memoryBytes }) => memoryBytes),
    [768 * MIB, 256 * MIB],
  )
})

test('a query that takes too long is ended with an error that names the setting', async () => {
  const ask = runnerOn(new HeldWorker(), { timeout: '1s' })
  // The timer of the limit alone keeps no process alive.
  const alive = setTimeout(() => {}, 10_000)

  await assert.rejects(ask(), {
    code: 'QueryLimit',
    message: /than 1s \(analytics.query.timeout\)/,
  })

  clearTimeout(alive)
})
