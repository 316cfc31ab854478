/** The destination against InfluxDB itself: the contract, and what becomes of odd messages. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BatchSender } from '../../../../src/delivery/batches/batch-sender.ts'
import type { Batch } from '../../../../src/destinations/destination.ts'
import type { InfluxDestination } from '../../../../src/destinations/influx/destination.ts'
import { destinationContract } from '../../../contract/destination.contract.ts'
import { batchOf, makeBatch, makeMessage } from '../../../support/channels/batch-maker.ts'
import { errorOf, never } from '../../../support/destinations/destination-under-test.ts'
import { HttpRelay } from '../../../support/destinations/http-relay.ts'
import { influxAt, openInflux } from '../../../support/destinations/influx-destination.ts'
import {
  type Influxdb,
  skipWithoutInfluxdb,
  startInfluxdb,
} from '../../../support/servers/influxdb.ts'

const RECEIVED_AT = 1_790_000_000_123
let influxdb: Influxdb
let databases = 0

async function newDatabase(): Promise<string> {
  const name = `plant${databases++}`
  await influxdb.query(`CREATE DATABASE ${name}`)
  return name
}

function divided(destination: InfluxDestination, { channel, logId, messages }: Batch) {
  const log = { channel, id: logId, end: messages.length }
  return new BatchSender({ destination, log, signal: never }).send(messages)
}

function messagesOf(...payloads: readonly string[]) {
  return payloads.map((payload, offset) =>
    makeMessage(offset, { payload: Buffer.from(payload), receivedAt: RECEIVED_AT }),
  )
}

describe('InfluxDB', { skip: skipWithoutInfluxdb }, () => {
  const releases: (() => unknown)[] = []
  before(async () => {
    influxdb = await startInfluxdb({ after: (release) => void releases.push(release) })
  })
  after(async () => {
    for (const release of releases.reverse()) await release()
  })

  destinationContract('influx', async (t, timeoutMs) => {
    const database = await newDatabase()
    const relay = await HttpRelay.start(t, influxdb.url)
    return {
      destination: influxAt(relay.url, { database, timeout: timeoutMs }),
      maxSendMs: 3 * timeoutMs + 1_500,
      recognisesResends: true,
      peer: {
        received: async (channel) => {
          const rows = await influxdb.query(`SELECT reading FROM ${channel}`, database)
          return rows.map(({ time, reading }) => ({
            messageId: `0a1b2c3d-${String(time)}`,
            payload: Buffer.from(JSON.stringify({ reading })),
          }))
        },
        hang: () => relay.always('silence'),
        fail: () => relay.always({ status: 503 }),
        recover: () => relay.recover(),
        reached: () => relay.reached(),
        deny: () => relay.always({ status: 401 }),
        miss: () => relay.always({ status: 404 }),
        loseAnswers: () => relay.always('lost'),
        poison: (ids) => {
          const fields = ids.map((id) => ` reading=${id.split('-')[1]} `)
          const hasOne = (body: string) => fields.some((field) => body.includes(field))
          relay.when(hasOne, { status: 400, body: '{"error":"unable to parse"}' })
        },
        slow: (delayMs) => relay.slow(delayMs),
      },
    }
  })

  test('different messages of one millisecond are all there, and stay so when sent again', async (t) => {
    const database = await newDatabase()
    const destination = await openInflux(t, influxdb.url, { database })
    const messages = Array.from({ length: 1_000 }, (_, offset) =>
      makeMessage(offset, { receivedAt: RECEIVED_AT, payload: Buffer.from(`{"n":${offset}}`) }),
    )

    for (const part of [messages, messages.slice(300, 700), messages]) {
      await destination.send(batchOf('c', part), never)
    }

    const rows = await influxdb.query('SELECT n FROM c', database)
    assert.deepEqual(
      rows.map(({ n }) => n),
      messages.map((_, n) => n),
    )
  })

  test('names, tags, strings and numbers arrive as they are', async (t) => {
    const database = await newDatabase()
    const tags = { device: { topicLevel: 2 }, model: { json: 'model' } }
    const destination = await openInflux(t, influxdb.url, { database, tags, measurement: 'a b,c' })
    const payload = { model: 'x, =y', 'f 1,=': 1.5, s: 'q" b\\ é', t: true, time: 7, i: 3 }
    const message = makeMessage(0, {
      topic: 'plant/d 7',
      receivedAt: RECEIVED_AT,
      payload: Buffer.from(JSON.stringify(payload)),
    })

    await destination.send(batchOf('c', [message]), never)

    const [row = {}] = await influxdb.query('SELECT * FROM "a b,c"', database)
    const { time: _, ...found } = row
    assert.deepEqual(found, {
      measurement: 'a b,c',
      connector: 'site-1',
      device: 'd 7',
      model: 'x, =y',
      'f 1,=': 1.5,
      s: 'q" b\\ é',
      t: true,
      time_: 7,
      i: 3,
    })
  })

  test('a message whose field has another type is rejected with the reason, the others arrive', async (t) => {
    const database = await newDatabase()
    const destination = await openInflux(t, influxdb.url, { database })
    const messages = messagesOf('{"v":1}', '{"v":2}', '{"v":"x"}', '{"v":3}', '{"v":4}')

    const outcome = await divided(destination, batchOf('c', messages))

    assert.deepEqual(
      outcome.rejected.map(({ index }) => index),
      [2],
    )
    assert.match(outcome.rejected[0]?.refusal.message ?? '', /field type conflict/)
    const rows = await influxdb.query('SELECT v FROM c', database)
    assert.deepEqual(
      rows.map(({ v }) => v),
      [1, 2, 3, 4],
    )
  })

  test('messages beyond the retention policy are rejected without dividing their batch', async (t) => {
    const database = await newDatabase()
    await influxdb.query(`CREATE RETENTION POLICY "hour" ON ${database} DURATION 1h REPLICATION 1`)
    const relay = await HttpRelay.start(t, influxdb.url)
    const destination = await openInflux(t, relay.url, { database, retentionPolicy: 'hour' })

    const outcome = await destination.send(makeBatch('c', 100), never)

    assert.equal(outcome.rejected.length, 100)
    assert.match(outcome.rejected[0]?.refusal.message ?? '', /beyond retention policy/)
    assert.equal(relay.bodies.length, 1)
  })

  test('a message without fields is rejected, and nothing is sent for it', async (t) => {
    const database = await newDatabase()
    const destination = await openInflux(t, influxdb.url, { database })
    const outcome = await destination.send(
      batchOf('c', messagesOf('hello', '{"v":1}', '{}')),
      never,
    )
    assert.deepEqual(
      outcome.rejected.map(({ index, refusal }) => [index, refusal.error]),
      [
        [0, 'ContentRefused'],
        [2, 'ContentRefused'],
      ],
    )
    assert.equal((await influxdb.query('SELECT v FROM c', database)).length, 1)
  })

  test('a database that is not there keeps the messages, and check names it', async (t) => {
    const destination = await openInflux(t, influxdb.url, { database: 'nowhere' })
    const expected = {
      code: 'DestinationMissing',
      message: /database not found: \\"nowhere\\".*Create what the server does not find/,
    }
    await assert.rejects(destination.send(makeBatch('c', 3), never), expected)
    await assert.rejects(destination.check(never), expected)
  })

  test('compressed batches arrive', async (t) => {
    const database = await newDatabase()
    const destination = await openInflux(t, influxdb.url, { database, gzip: true })
    await destination.send(makeBatch('c', 100), never)
    assert.equal((await influxdb.query('SELECT reading FROM c', database)).length, 100)
  })

  test('a wrong password keeps the messages', async (t) => {
    const guarded = await startInfluxdb(t, true)
    await guarded.query('CREATE DATABASE plant')
    const wrong = await openInflux(t, guarded.url, { auth: { username: 'admin', password: 'x' } })
    const right = { username: 'admin', password: 'secret' }
    const destination = await openInflux(t, guarded.url, { auth: right })

    assert.equal((await errorOf(wrong.send(makeBatch('c', 1), never))).code, 'DestinationDenied')
    await assert.rejects(wrong.check(never), { code: 'DestinationDenied' })
    await destination.check(never)
    await destination.send(makeBatch('c', 1), never)
    assert.equal((await guarded.query('SELECT reading FROM c', 'plant')).length, 1)
  })

  test('a server that is killed and started again has every message once', async (t) => {
    const killed = await startInfluxdb(t)
    await killed.query('CREATE DATABASE plant')
    const destination = await openInflux(t, killed.url)
    await destination.send(makeBatch('c', 50), never)
    await killed.process.kill()
    const error = await errorOf(destination.send(makeBatch('c', 100), never))
    assert.equal(error.code, 'DestinationUnavailable')

    await killed.process.start()
    await destination.send(makeBatch('c', 100), never)

    assert.equal((await killed.query('SELECT reading FROM c', 'plant')).length, 100)
  })
})
