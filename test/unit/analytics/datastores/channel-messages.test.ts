/** Messages for a pipeline, of which the log has lost some and the channel's files have others. */
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { channelMessages } from '../../../../src/analytics/datastores/jobs/channel-messages.ts'
import { run as runDerive } from '../../../../src/analytics/datastores/jobs/derive-job.ts'
import { storedRows } from '../../../../src/analytics/rows/stored-range.ts'
import { run as runConvert } from '../../../../src/analytics/tables/jobs/convert-job.ts'
import { parquetSource } from '../../../../src/analytics/tables/jobs/parquet-file.ts'
import { withSession } from '../../../../src/analytics/tables/jobs/session.ts'
import { listTable } from '../../../../src/analytics/tables/table-listing.ts'
import { tableDirectory } from '../../../../src/analytics/tables/table-location.ts'
import type { Message } from '../../../../src/message.ts'
import { CHANNEL, chainOf, TABLE } from '../../../support/analytics/derivations.ts'
import { contentOf, draftOf } from '../../../support/channels/log-drafts.ts'
import { diskStore, temporaryDirectory } from '../../../support/disk/disk-stores.ts'

const duckdb = await import('@duckdb/node-api').catch(() => undefined)
const skip = duckdb === undefined && 'DuckDB is not installed: npm install @duckdb/node-api'

const { signal } = new AbortController()
const JOB = { signal, emit: async () => {} }
const START = Date.parse('2026-11-29T12:00:00Z')
const PAYLOAD_BYTES = 1_000

/** A channel that a running connector has open. It keeps no history, but for what is not reused yet. */
async function channelIn(t: TestContext, count: number) {
  const directory = await temporaryDirectory(t)
  const store = diskStore({ directory, slotBytes: 20_480, segmentBytes: 4_096, historyBytes: 0 })
  await store.open()
  t.after(() => store.close())
  const log = store.create(CHANNEL)
  const logId = log.id
  for (let n = 0; n < count; n++) {
    const reply = { topic: `answers/${n}`, correlation: Buffer.from([n & 0xff]) }
    const text = JSON.stringify({ n, fill: 'x'.repeat(PAYLOAD_BYTES) })
    const head = { receivedAt: START + n, topic: `press/${n % 3}` }
    log.append(draftOf(text, n % 2 === 0 ? head : { ...head, reply }))
    await store.commit()
  }
  /** Of the messages below, the log keeps at most some that are still in its journal. */
  const free = async (offset: number) => {
    log.release(offset)
    await store.commit()
  }
  const convert = (from: number, to: number) =>
    runConvert({ directory, channel: CHANNEL, connectorId: 'c1', logId, from, to }, JOB)
  const range = (from: number, to: number) => ({ directory, channel: CHANNEL, logId, from, to })
  const read = (from: number, to: number, onBatch = async () => {}) =>
    withSession(signal, async (connection) => {
      const messages: Message[] = []
      for await (const batch of channelMessages(connection, range(from, to))) {
        messages.push(...batch)
        await onBatch()
      }
      return messages
    })
  return { directory, free, close: () => store.close(), convert, read, range }
}

const offsetsOf = (messages: readonly Message[]) => messages.map(({ offset }) => offset)
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index)

test('messages that the log has freed are read from the channel’s files, just as they were', {
  skip,
}, async (t) => {
  const { directory, free, close, convert, read } = await channelIn(t, 200)
  const before = await read(0, 200)
  await convert(0, 150)
  await free(120)

  const beside = await read(0, 200)
  await close()
  const stopped = await read(0, 200)

  assert.ok(((await storedRows(directory, CHANNEL))?.first ?? 0) > 100, 'the log is shorter')
  assert.deepEqual(offsetsOf(before), numbers(0, 200))
  assert.deepEqual(beside.map(contentOf), before.map(contentOf))
  assert.deepEqual(stopped.map(contentOf), before.map(contentOf))
})

test('messages that the log frees while it is read come from the files instead', {
  skip,
}, async (t) => {
  const { free, convert, read } = await channelIn(t, 2_500)
  await convert(0, 2_500)
  let batches = 0

  const messages = await read(0, 2_500, async () => {
    if (batches++ === 0) await free(2_500)
  })

  assert.equal(batches, 2)
  assert.deepEqual(offsetsOf(messages), numbers(0, 2_500))
})

test('what neither the log nor the files have is counted as a gap, and all else is processed once', {
  skip,
}, async (t) => {
  const { directory, free, close, convert, range } = await channelIn(t, 200)
  await convert(10, 40)
  await convert(40, 70)
  await free(120)
  await close()
  const { first = 0 } = (await storedRows(directory, CHANNEL)) ?? {}
  const columns = { connectorId: 'c1', datastore: 'readings', pipeline: 'clean' }
  const settings = { functions: {}, maxFailureBytes: 1_000_000 }
  const derive = (from: number, to: number) => {
    const derivation = { ...range(from, to), ...columns, activities: chainOf([]) }
    return runDerive({ derivation, settings }, JOB)
  }

  const results = [await derive(0, 25), await derive(25, 75), await derive(75, 200)]

  assert.ok(first > 75 && first <= 120, `the log begins at ${first}`)
  assert.deepEqual(
    results.map(({ messages, rows, gap, to }) => ({ messages, rows, gap, to })),
    [
      { messages: 15, rows: 15, gap: 10, to: 25 },
      { messages: 45, rows: 45, gap: 5, to: 75 },
      { messages: 200 - first, rows: 200 - first, gap: first - 75, to: 200 },
    ],
  )
  const { files } = await listTable(directory, TABLE)
  const paths = files.map(({ path }) => join(tableDirectory(directory, TABLE), path))
  const stored = await withSession(signal, async (connection) => {
    const sql = `SELECT "offset"::INTEGER, n::INTEGER FROM ${parquetSource(paths)} ORDER BY "offset"`
    return (await connection.runAndReadAll(sql)).getRowsJson()
  })
  const expected = [...numbers(10, 70), ...numbers(first, 200)]
  assert.deepEqual(
    stored,
    expected.map((n) => [n, n]),
  )
})

test('a message that is damaged in the log is read from the channel’s files', {
  skip,
}, async (t) => {
  const { directory, close, convert, read } = await channelIn(t, 60)
  await convert(0, 60)
  await close()
  const damaged = await damage(directory, ['"n":20,', '"n":21,', '"n":40,', '"n":59,'])

  const messages = await read(0, 60)

  assert.ok(damaged >= 4, `${damaged} places were damaged`)
  assert.deepEqual(offsetsOf(messages), numbers(0, 60))
  assert.ok(messages.every(({ payload, offset }) => JSON.parse(payload.toString()).n === offset))
})

/** Changes these texts wherever the log has them; returns in how many places. */
async function damage(directory: string, texts: readonly string[]): Promise<number> {
  let places = 0
  for (const root of ['channels', 'journal']) {
    const entries = await readdir(join(directory, root), { recursive: true, withFileTypes: true })
    for (const entry of entries.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name)
      const bytes = await readFile(path)
      const before = places
      for (const text of texts) {
        for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
          bytes.write('?', at)
          places++
        }
      }
      if (places > before) await writeFile(path, bytes)
    }
  }
  return places
}
