import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  RecordEncoder,
  requestsOf,
} from '../../../../src/destinations/aws/records/record-encoder.ts'
import { serviceFor as firehoseService } from '../../../../src/destinations/firehose/destination.ts'
import { serviceFor } from '../../../../src/destinations/kinesis/destination.ts'
import { kinesisOptions } from '../../../../src/destinations/kinesis/options.ts'
import { partitionKeyOf } from '../../../../src/destinations/kinesis/partition-key.ts'
import { batchOf, makeMessage, packedMessage } from '../../../support/channels/batch-maker.ts'
import { firehoseAt, kinesisAt } from '../../../support/destinations/records-under-test.ts'

const ROW = { format: 'row', endsLines: false } as const
const LINE = { format: 'row', endsLines: true } as const
const PAYLOAD = { format: 'payload', endsLines: true } as const
const byTopic = partitionKeyOf('topic')

function bodyOf(encoder: RecordEncoder, records: Parameters<RecordEncoder['bodyOf']>[0]) {
  return JSON.parse(encoder.bodyOf(records).toString())
}

function decoded(data: string): string {
  return Buffer.from(data, 'base64').toString()
}

test('a request of Kinesis has rows and partition keys', () => {
  const encoder = new RecordEncoder(serviceFor('plant'), ROW, 'connector-1', byTopic)

  const { records } = encoder.encode(batchOf('press_1', [makeMessage(7, { topic: 'a/"ü"' })]))

  const { StreamName, Records } = bodyOf(encoder, records)
  assert.equal(StreamName, 'plant')
  assert.equal(Records.length, 1)
  assert.equal(Records[0].PartitionKey, 'a/"ü"')
  assert.deepEqual(JSON.parse(decoded(Records[0].Data)), {
    connector: 'connector-1',
    channel: 'press_1',
    log_id: '0a1b2c3d',
    offset: 7,
    arrival_time: '1970-01-01T00:00:00.000Z',
    topic: 'a/"ü"',
    message_id: '0a1b2c3d-7',
    content_type: 'application/json',
    payload: { reading: 7 },
  })
})

test('a row for Firehose ends its line, and a payload stays as it is', () => {
  const batch = batchOf('press_1', [makeMessage(0, { payload: Buffer.from([0, 255, 10]) })])
  const lines = new RecordEncoder(firehoseService('plant'), LINE, 'c', undefined)
  const payloads = new RecordEncoder(firehoseService('plant'), PAYLOAD, 'c', undefined)

  const line = bodyOf(lines, lines.encode(batch).records)
  const payload = bodyOf(payloads, payloads.encode(batch).records)

  assert.equal(line.DeliveryStreamName, 'plant')
  assert.deepEqual(Object.keys(line.Records[0]), ['Data'])
  assert.match(decoded(line.Records[0].Data), /^[^\n]*"payload_base64":"AP8K"\}\n$/)
  assert.equal(payload.Records[0].Data, 'AP8K')
})

test('an ARN names the stream of another account', () => {
  const arn = 'arn:aws:kinesis:us-west-2:123456789012:stream/plant'
  const encoder = new RecordEncoder(serviceFor(arn), ROW, 'c', byTopic)

  const body = bodyOf(encoder, encoder.encode(batchOf('press_1', [makeMessage(0)])).records)

  assert.equal(body.StreamARN, arn)
  assert.equal(body.StreamName, undefined)
})

test('any payload comes back, whole and in order, also in requests with some of the records', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(payloads, fc.string({ unit: 'binary' }), fc.nat(), (given, topic, seed) => {
      const encoder = new RecordEncoder(serviceFor('plant'), PAYLOAD, 'c', byTopic)
      const messages = given.map((bytes, offset) => {
        const message = makeMessage(offset, { topic: topic || 't', payload: Buffer.from(bytes) })
        return offset % 2 === 0 ? message : packedMessage(message)
      })
      const { records } = encoder.encode(batchOf('press_1', messages))
      const some = records.filter((_, at) => ((seed >>> (at % 31)) & 1) === 1)
      for (const wanted of [records, some, records]) {
        const { Records } = bodyOf(encoder, wanted)
        assert.deepEqual(
          Records.map(({ Data }: { Data: string }) => Data),
          wanted.map(({ index }) => messages[index]?.payload.toString('base64')),
        )
      }
    }),
  )
})

test('an encoder that was cleared has nothing of the batch before', () => {
  const encoder = new RecordEncoder(serviceFor('plant'), PAYLOAD, 'c', byTopic)
  const large = makeMessage(0, { payload: Buffer.alloc(900_000, 'x') })
  encoder.encode(batchOf('press_1', [large, large, large, large]))
  encoder.clear()

  const { records } = encoder.encode(batchOf('press_1', [makeMessage(1)]))

  assert.deepEqual(
    bodyOf(encoder, records).Records.map(({ Data }: { Data: string }) => decoded(Data)),
    ['{"reading":1}'],
  )
})

test('requests hold as many records and bytes as the service takes, in order', () => {
  const record = (index: number, bytes: number) => ({
    index,
    start: 0,
    end: bytes - 1,
    key: '',
  })
  const service = { ...serviceFor('plant'), maxRecords: 3, maxRequestBytes: 100 }
  const sizes = [10, 10, 10, 10, 60, 40, 61, 200, 1]

  const requests = requestsOf(
    sizes.map((bytes, index) => record(index, bytes)),
    service,
  )

  assert.deepEqual(
    requests.map((request) => request.map(({ index }) => index)),
    [[0, 1, 2], [3, 4], [5], [6], [7], [8]],
  )
})

test('a record is too long from one byte beyond the limit on, its key included', () => {
  const service = { ...serviceFor('plant'), maxRecordBytes: 20 }
  const encoder = new RecordEncoder(service, PAYLOAD, 'c', () => 'kéy')
  const messages = [16, 17].map((bytes, offset) =>
    makeMessage(offset, { payload: Buffer.alloc(bytes) }),
  )

  const { records, oversized } = encoder.encode(batchOf('press_1', messages))

  assert.deepEqual(
    records.map(({ index }) => index),
    [0],
  )
  assert.deepEqual(oversized, [{ index: 1, bytes: 21 }])
})

test('the partition key is the topic, a level of it, or a member of the payload', () => {
  const message = makeMessage(0, {
    topic: 'site/press_7/temperature',
    payload: Buffer.from('{"device":{"id":"d-1","n":5,"empty":""},"list":[1]}'),
  })
  const key = (rule: unknown) =>
    partitionKeyOf(kinesisOptions.parse({ stream: 's', partitionKey: rule }).partitionKey)(message)

  assert.equal(key(undefined), message.topic)
  assert.equal(key({ topicLevel: 2 }), 'press_7')
  assert.equal(key({ topicLevel: 4 }), message.topic)
  assert.equal(key({ field: 'device.id' }), 'd-1')
  assert.equal(key({ field: 'device.n' }), '5')
  for (const field of ['device.empty', 'device', 'device.toString', 'list', 'x.y']) {
    assert.equal(key({ field }), message.topic, field)
  }
})

test('a partition key is never longer than 256 characters, and the same text keeps its key', () => {
  const keyOf = partitionKeyOf({ field: 'id' })
  const key = (id: string) =>
    keyOf(makeMessage(0, { payload: Buffer.from(JSON.stringify({ id })) }))

  assert.equal(key('x'.repeat(256)), 'x'.repeat(256))
  assert.match(key('x'.repeat(257)), /^[0-9a-f]{64}$/)
  assert.equal(key('x'.repeat(257)), key('x'.repeat(257)))
  assert.notEqual(key('x'.repeat(257)), key('x'.repeat(258)))
  assert.equal(keyOf(makeMessage(0, { payload: Buffer.from('not JSON') })), 'test')
})

test('names of streams and limits of batches are checked', () => {
  for (const stream of ['', 'a b', 'a/b', '"', 'x'.repeat(129), 'arn:aws:s3:::x']) {
    assert.equal(kinesisOptions.safeParse({ stream }).success, false, stream)
  }
  const { batchRule, description } = kinesisAt('http://127.0.0.1:1', 'plant')
  assert.deepEqual(
    [batchRule.maxMessages, batchRule.maxBytes, batchRule.intervalMs],
    [500, 524_288, 1_000],
  )
  assert.equal(description, 'records to the stream plant at http://127.0.0.1:1 (us-east-1)')
  assert.match(firehoseAt('http://127.0.0.1:1', 'p').description, /the Firehose stream p at/)
})
