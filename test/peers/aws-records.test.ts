/** Kinesis and Firehose as moto has them, behind a gate that throttles and fails in part. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PutRecordBatchCommand } from '@aws-sdk/client-firehose'
import { CreateStreamCommand, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { ConnectorError } from '../../src/errors.ts'
import { idle, keptWith, NOTHING_LEFT } from '../contract/destination-under-test.ts'
import { batchOf, makeBatch, makeMessage } from '../support/channels/batch-maker.ts'
import { type GateRecord, RecordsGate } from '../support/destinations/records-gate.ts'
import {
  firehoseSdk,
  firehoseSetup,
  kinesisAt,
  kinesisSdk,
  kinesisSetup,
  rowIn,
  rowsOf,
} from '../support/destinations/records-under-test.ts'
import { type Moto, skipWithoutMoto, startMoto } from '../support/servers/moto.ts'
import { freePort } from '../support/servers/server-process.ts'

const THROTTLED = {
  code: 'ProvisionedThroughputExceededException',
  message: 'Rate exceeded for shard shardId-000000000000 in stream plant.',
}
const BUSY = { code: 'ServiceUnavailableException', message: 'Slow down.' }
/** About 40 of them fill a request. */
const LONG_PAYLOAD = Buffer.from(`"${'x'.repeat(100_000)}"`)

function offsetsIn(records: readonly GateRecord[] | undefined): number[] {
  return (records ?? []).map((record) => rowIn(record).offset)
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, offset) => offset)
}

describe('records', { skip: skipWithoutMoto }, () => {
  let moto: Moto
  const cleanups: (() => unknown)[] = []
  before(async () => {
    moto = await startMoto({ after: (release) => cleanups.push(release) })
  })
  after(async () => {
    for (const release of cleanups) await release()
  })

  for (const [kind, setUp, busy] of [
    ['Kinesis', kinesisSetup, THROTTLED],
    ['Firehose', firehoseSetup, BUSY],
  ] as const) {
    test(`${kind}: records that fail are sent again alone and in order, and none comes twice`, async (t) => {
      const setup = await setUp(t, moto)
      const { destination, gate } = setup
      await destination.open()
      t.after(() => destination.close())
      gate.failing = (record, putNumber) => {
        const { offset } = rowIn(record)
        return offset % (3 * putNumber) === 1 && putNumber < 3 ? busy : undefined
      }

      assert.deepEqual(await destination.send(makeBatch('press', 20), idle), NOTHING_LEFT)

      assert.deepEqual(
        gate.puts.map(({ body }) => offsetsIn(body.Records)),
        [upTo(20), [1, 4, 7, 10, 13, 16, 19], [1, 7, 13, 19]],
      )
      const rows = await rowsOf(setup)
      assert.deepEqual(
        rows.map(({ offset }) => offset).sort((a, b) => a - b),
        upTo(20),
      )
    })

    test(`${kind}: what stays throttled is kept after a few attempts, each with those alone`, async (t) => {
      const setup = await setUp(t, moto)
      const { destination, gate } = setup
      await destination.open()
      t.after(() => destination.close())
      gate.failing = (record) => (rowIn(record).offset >= 8 ? busy : undefined)
      const { messages } = makeBatch('press', 10)

      const outcome = await destination.send(batchOf('press', messages), idle)

      assert.deepEqual(outcome.kept, [8, 9])
      assert.deepEqual(outcome.keptReason, { error: busy.code, message: busy.message })
      assert.deepEqual(
        gate.puts.map(({ body }) => body.Records?.length),
        [10, 2, 2],
      )
      gate.failing = () => undefined
      const kept = outcome.kept.flatMap((index) => messages[index] ?? [])
      assert.deepEqual(await destination.send(batchOf('press', kept), idle), NOTHING_LEFT)
      assert.equal((await rowsOf(setup)).length, 10)
    })

    test(`${kind}: a failure after part of a batch is stored keeps the rest`, async (t) => {
      const setup = await setUp(t, moto)
      const { destination, gate } = setup
      await destination.open()
      t.after(() => destination.close())
      const messages = upTo(60).map((offset) => makeMessage(offset, { payload: LONG_PAYLOAD }))
      gate.refusing = (_, putNumber) => {
        if (putNumber === 1) return undefined
        return { status: 400, code: 'AccessDeniedException', message: 'No.' }
      }

      const outcome = await destination.send(batchOf('press', messages), idle)

      const stored = gate.puts[0]?.body.Records?.length ?? 0
      assert.ok(stored > 0 && stored < 60)
      assert.deepEqual(outcome.rejected, [])
      assert.deepEqual(outcome.kept, upTo(60).slice(stored))
      assert.equal(outcome.keptReason?.error, 'DestinationDenied')
    })

    test(`${kind}: an answer that leaves open what was stored acknowledges nothing`, async (t) => {
      const { destination, gate } = await setUp(t, moto, { maxAttempts: 1 })
      await destination.open()
      t.after(() => destination.close())
      gate.rewrite = () => ({ FailedRecordCount: 0, Records: [], RequestResponses: [] })

      await assert.rejects(
        destination.send(makeBatch('press', 2), idle),
        keptWith('DestinationUnavailable'),
      )
    })

    test(`${kind}: a batch that is cancelled between two attempts keeps what is left`, async (t) => {
      const { destination, gate } = await setUp(t, moto)
      await destination.open()
      t.after(() => destination.close())
      const abort = new AbortController()
      gate.failing = (record) => (rowIn(record).offset === 2 ? busy : undefined)
      gate.refusing = (_, putNumber) => {
        if (putNumber === 2) abort.abort()
        return undefined
      }

      const outcome = await destination.send(makeBatch('press', 4), abort.signal)

      assert.deepEqual(outcome.kept, [2])
    })

    test(`${kind}: check names what is missing, and needs no permission to describe it`, async (t) => {
      const { destination, gate } = await setUp(t, moto)
      await destination.open()
      t.after(() => destination.close())

      gate.set('miss')
      await assert.rejects(destination.check(idle), (error: unknown) => {
        assert.ok(error instanceof ConnectorError)
        assert.equal(error.code, 'DestinationMissing')
        assert.match(error.message, /Create the .*stream plant-\d+ in this account and region/)
        return true
      })
      gate.set(undefined)
      gate.status = 'CREATING'
      await assert.rejects(
        destination.check(idle),
        /takes no records, because its status is CREATING/,
      )
      gate.status = 'UPDATING'
      await destination.check(idle)
      gate.set('forbid')
      await destination.check(idle)
      await assert.rejects(
        destination.send(makeBatch('press', 1), idle),
        keptWith('DestinationDenied'),
      )
    })
  }

  test('a throttled key is not overtaken by its later records, and other keys go on', async (t) => {
    const setup = await kinesisSetup(t, moto)
    const { destination, gate } = setup
    await destination.open()
    t.after(() => destination.close())
    const messages = upTo(1_200).map((offset) =>
      makeMessage(offset, { topic: `key-${offset % 3}` }),
    )
    gate.failing = ({ PartitionKey }) => (PartitionKey === 'key-1' ? THROTTLED : undefined)

    const outcome = await destination.send(batchOf('press', messages), idle)

    assert.deepEqual(
      outcome.kept,
      upTo(1_200).filter((offset) => offset % 3 === 1),
    )
    const keysOf = gate.puts.map(({ body }) => (body.Records ?? []).map((one) => one.PartitionKey))
    const again = keysOf.findIndex((keys) => keys.every((key) => key === 'key-1'))
    assert.ok(again > 1)
    // The other keys are stored before the first pause.
    assert.equal(
      keysOf
        .slice(0, again)
        .flat()
        .filter((key) => key !== 'key-1').length,
      800,
    )
    assert.ok(keysOf.slice(1, again).every((keys) => !keys.includes('key-1')))
    assert.ok(keysOf.slice(again).every((keys) => keys.every((key) => key === 'key-1')))
    gate.failing = () => undefined
    const kept = outcome.kept.flatMap((index) => messages[index] ?? [])
    assert.deepEqual(await destination.send(batchOf('press', kept), idle), NOTHING_LEFT)
    const rows = await rowsOf(setup)
    assert.equal(rows.length, 1_200)
    for (const key of ['key-0', 'key-1', 'key-2']) {
      const offsets = rows.filter(({ topic }) => topic === key).map(({ offset }) => offset)
      assert.deepEqual(
        offsets,
        offsets.toSorted((a, b) => a - b),
      )
    }
  })

  test('a key whose throttling ends is stored in the next pass, in order', async (t) => {
    const setup = await kinesisSetup(t, moto)
    const { destination, gate } = setup
    await destination.open()
    t.after(() => destination.close())
    const messages = upTo(1_200).map((offset) =>
      makeMessage(offset, { topic: `key-${offset % 5}` }),
    )
    let refused = 0
    gate.failing = ({ PartitionKey }) =>
      PartitionKey === 'key-2' && refused++ < 100 ? THROTTLED : undefined

    assert.deepEqual(await destination.send(batchOf('press', messages), idle), NOTHING_LEFT)

    // Three requests, the later ones without the key, and the key alone.
    assert.deepEqual(
      gate.puts.map(({ body }) => body.Records?.length),
      [500, 400, 160, 240],
    )
    const offsets = (await rowsOf(setup)).map(({ offset }) => offset)
    assert.deepEqual(
      offsets.toSorted((a, b) => a - b),
      upTo(1_200),
    )
  })

  test('the stream is gone after its service was killed; once it is there, the batch arrives', async (t) => {
    const own = await startMoto(t)
    const { destination, name, stored } = await kinesisSetup(t, own)
    await destination.open()
    t.after(() => destination.close())
    await destination.send(batchOf('press', [makeMessage(0)]), idle)
    const next = batchOf('press', [makeMessage(1)])

    await own.process.kill()
    await assert.rejects(destination.send(next, idle), keptWith('DestinationUnavailable'))
    await own.process.start()
    await assert.rejects(destination.send(next, idle), keptWith('DestinationMissing'))
    await kinesisSdk(t, own.url).send(new CreateStreamCommand({ StreamName: name, ShardCount: 1 }))

    assert.deepEqual(await destination.send(next, idle), NOTHING_LEFT)
    assert.equal((await stored()).length, 1)
  })

  test('check reports an endpoint that nothing listens on, and one that is not Kinesis', async (t) => {
    const closed = kinesisAt(`http://127.0.0.1:${await freePort()}`, 'plant')
    const other = kinesisAt(`${moto.url}/moto-api/data.json`, 'plant')
    for (const destination of [closed, other]) {
      await destination.open()
      t.after(() => destination.close())
    }

    await assert.rejects(closed.check(idle), /ECONNREFUSED.*Check "endpoint"/)
    await assert.rejects(other.check(idle), /Check "endpoint"/)
  })

  test('requests are those of AWS’s own client', async (t) => {
    const gate = await RecordsGate.start(t, moto.url)
    const { name } = await kinesisSetup(t, moto)
    const ours = kinesisAt(gate.url, name, { format: 'payload' })
    const setup = await firehoseSetup(t, moto, { format: 'payload' })
    for (const destination of [ours, setup.destination]) {
      await destination.open()
      t.after(() => destination.close())
    }
    const { messages } = makeBatch('press', 3)
    const records = messages.map(({ payload: Data, topic }) => ({ Data, PartitionKey: topic }))

    await ours.send(batchOf('press', messages), idle)
    await kinesisSdk(t, gate.url).send(
      new PutRecordsCommand({ StreamName: name, Records: records }),
    )
    await setup.destination.send(batchOf('press', messages), idle)
    await firehoseSdk(t, setup.gate.url).send(
      new PutRecordBatchCommand({
        DeliveryStreamName: setup.name,
        Records: records.map(({ Data }) => ({ Data })),
      }),
    )

    for (const { puts } of [gate, setup.gate]) {
      assert.equal(puts.length, 2)
      const [own, theirs] = puts
      assert.deepEqual(own?.body, theirs?.body)
      for (const header of ['x-amz-target', 'content-type', 'content-length']) {
        assert.equal(own?.headers[header], theirs?.headers[header], header)
      }
      const signed = /Credential=AKIDMOTO\/\d{8}\/us-east-1\/(kinesis|firehose)\/aws4_request/
      const [ownScope] = signed.exec(own?.headers.authorization ?? '') ?? []
      assert.equal(ownScope, signed.exec(theirs?.headers.authorization ?? '')?.[0])
      assert.ok(ownScope)
    }
  })
})
