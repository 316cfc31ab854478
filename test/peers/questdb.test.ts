/** The influx destination against QuestDB, with the table that docs/destinations/influx.md has. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { batchOf, makeMessage } from '../support/channels/batch-maker.ts'
import { never } from '../support/destinations/destination-under-test.ts'
import { openInflux } from '../support/destinations/influx-destination.ts'
import { Releases } from '../support/destinations/kafka-site.ts'
import { type QuestDb, skipWithoutQuestDb, startQuestDb } from '../support/servers/questdb.ts'
import { until } from '../support/until.ts'

const PAGE = join(import.meta.dirname, '..', '..', '..', 'docs', 'destinations', 'influx.md')
const AT = Date.UTC(2026, 0, 31)

/** Messages of one device in one millisecond. */
function messagesOf(payloads: readonly string[]) {
  return payloads.map((payload, offset) =>
    makeMessage(offset, {
      payload: Buffer.from(payload),
      receivedAt: AT,
      topic: 'plant/d7/data',
    }),
  )
}

describe('influx destination with QuestDB', { skip: skipWithoutQuestDb }, () => {
  const releases = new Releases()
  let questDb: QuestDb

  before(async () => {
    questDb = await startQuestDb(releases)
    const statement = /```sql\n(CREATE TABLE readings[^`]+)```/.exec(
      readFileSync(PAGE, 'utf8'),
    )?.[1]
    assert.ok(statement !== undefined)
    await questDb.query(statement)
    await questDb.query(statement.replace('readings', 'refusals'))
  })
  after(() => releases.run())

  const options = { api: 'v2', tags: { device: { topicLevel: 2 } } } as const

  test('different messages of one millisecond are all there, and none twice', async (t) => {
    const destination = await openInflux(t, questDb.url, options)
    await destination.check(never)
    const payloads = Array.from({ length: 1_000 }, (_, n) => `{"n":${n}}`)
    const batch = batchOf('readings', messagesOf(payloads))

    await destination.send(batch, never)
    await destination.send(batch, never)
    // A table shows what is written a moment later, in order.
    await destination.send(batchOf('readings', [makeMessage(1_000, end)]), never)

    const rows = () =>
      questDb.query('SELECT n, connector, device FROM readings WHERE n IS NOT NULL')
    await until('the last one is there', async () => (await rows()).some(([n]) => n === -1))
    assert.deepEqual(
      (await rows()).filter(([n]) => n !== -1),
      payloads.map((_, n) => [n, 'site-1', 'd7']),
    )
  })

  const end = { payload: Buffer.from('{"n":-1}'), receivedAt: AT + 1, topic: 'plant/d7/data' }

  test('a message whose field has another type is rejected alone', async (t) => {
    const destination = await openInflux(t, questDb.url, options)
    await destination.send(batchOf('refusals', messagesOf(['{"n":1}'])), never)
    const outcome = await destination.send(
      batchOf('refusals', messagesOf(['{"n":1}', '{"n":"two"}', '{"n":3}'])),
      never,
    )

    assert.deepEqual(outcome.kept, [])
    assert.deepEqual(
      outcome.rejected.map(({ index }) => index),
      [1],
    )
    const rows = () => questDb.query('SELECT n FROM refusals')
    await until('the others are there', async () => (await rows()).length === 2)
    assert.deepEqual(await rows(), [[1], [3]])
  })
})
