/**
 * Messages in Parquet files are those that were sent, byte for byte, before and after a compaction.
 * fast-check prints seed and path of a failing case.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { run as compact } from '../../src/analytics/tables/jobs/compact-job.ts'
import { run as convert } from '../../src/analytics/tables/jobs/convert-job.ts'
import { parquetSource } from '../../src/analytics/tables/jobs/parquet-file.ts'
import { readTable } from '../../src/analytics/tables/table.ts'
import { channelTable, tableDirectory } from '../../src/analytics/tables/table-location.ts'
import type { Draft } from '../../src/message.ts'
import { duckdb, rowsOf } from '../support/analytics/duckdb.ts'
import { binaryDraft } from '../support/channels/log-drafts.ts'
import { diskStore, temporaryDirectory } from '../support/disk/disk-stores.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 20)
const CHANNEL = 'plant'
const START = Date.parse('2026-11-29T23:59:50Z')

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
const oddJson = fc.constantFrom(
  '',
  ' ',
  'null',
  'NaN',
  '[]',
  '{"a":1e400,"b":-0}',
  '{"a":1,"a":"x"}',
  '{"a":9007199254740993}',
  '{"":1,"\\u0000":2,"__proto__":{"a":1}}',
  '{"offset":"x","drift":[1],"Payload":{}}',
  '{"a":"\\ud800"}',
  '\ufeff{"a":1}',
  '{"a":1,}',
)
const text = fc.string({ unit: 'grapheme', maxLength: 30 })
const payload = fc.oneof(
  { weight: 3, arbitrary: fc.json().map((json) => Buffer.from(json)) },
  { weight: 2, arbitrary: fc.object({ maxDepth: 3 }).map((one) => Buffer.from(json(one))) },
  { weight: 1, arbitrary: bytes },
  { weight: 1, arbitrary: oddJson.map((json) => Buffer.from(json)) },
)
const reply = fc.record({
  topic: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  correlation: fc.option(bytes, { nil: undefined }),
})
const draft: fc.Arbitrary<Draft> = fc
  .record({
    payload,
    topic: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
    id: fc.option(text, { nil: undefined }),
    reply: fc.option(reply, { nil: undefined }),
    after: fc.integer({ min: -500, max: 2_000 }),
  })
  .map(({ payload, topic, id, reply, after }) =>
    binaryDraft(payload, { topic, id, reply, receivedAt: START + after }),
  )

/** BigInts and other values that JSON does not have are left out. */
function json(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? `${inner}` : inner))
}

/** What a file must have of it. */
function expected({ receivedAt, topic, id, reply, bytes, start, end }: Draft, offset: number) {
  return {
    offset: BigInt(offset),
    arrival_time: new Date(receivedAt),
    topic,
    sender_id: id ?? null,
    response_topic: reply?.topic ?? null,
    correlation_data: reply?.correlation ?? null,
    payload: bytes.subarray(start, end),
  }
}

test('messages in files are those that were sent, before and after a compaction', async (t) => {
  const connection = await duckdb(t)
  const job = { signal: new AbortController().signal, emit: async () => {} }
  await fc.assert(
    fc.asyncProperty(
      fc.array(draft, { minLength: 1, maxLength: 300 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (drafts, share) => {
        const directory = await temporaryDirectory(t)
        const store = diskStore({ directory })
        await store.open()
        const log = store.create(CHANNEL)
        for (const one of drafts) log.append(one)
        await store.commit()
        await store.close()
        const part = { directory, channel: CHANNEL, connectorId: 'c1', logId: log.id }
        const middle = Math.floor(drafts.length * share)
        const root = tableDirectory(directory, channelTable(CHANNEL))
        const files = async () => (await readTable(directory, channelTable(CHANNEL))).files
        const found = async () => {
          const source = parquetSource((await files()).map(({ path }) => join(root, path)))
          return rowsOf(
            connection,
            `SELECT "offset", arrival_time, topic, sender_id, response_topic, correlation_data,
               payload FROM ${source} ORDER BY "offset"`,
          )
        }

        await convert({ ...part, from: 0, to: middle }, job)
        await convert({ ...part, from: middle, to: drafts.length }, job)

        const sent = drafts.map(expected)
        assert.deepEqual(await found(), sent)
        const [first, second] = await files()
        if (first === undefined || first.day !== second?.day) return
        const paths = [first.path, second.path]
        await compact({ directory, table: channelTable(CHANNEL), connectorId: 'c1', paths }, job)
        assert.deepEqual(await found(), sent)
      },
    ),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})
