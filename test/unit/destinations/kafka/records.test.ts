/** Record batches, read back with the client library’s own reader. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  compressionsAlgorithms,
  crc32c,
  Reader,
  readRecordsBatch,
  murmur2 as theirMurmur2,
} from '@platformatic/kafka'
import { HEADER_NAMES } from '../../../../src/destinations/kafka/options.ts'
import { keyHash, murmur2 } from '../../../../src/destinations/kafka/protocol/murmur2.ts'
import {
  nextSequence,
  RecordBatch,
} from '../../../../src/destinations/kafka/protocol/record-batch.ts'
import { RecordWriter } from '../../../../src/destinations/kafka/protocol/record-writer.ts'
import {
  varintBytes,
  writeVarint,
  writeVarlong,
} from '../../../../src/destinations/kafka/protocol/varint.ts'
import type { Message } from '../../../../src/message.ts'
import { batchOf, makeMessage, packedMessage } from '../../../support/channels/batch-maker.ts'
import { Random } from '../../../support/random.ts'

const producer = { id: 4_711n, epoch: 3 }
const MANY = 1_000

function written(messages: readonly Message[], compression?: 'gzip' | 'snappy' | 'lz4') {
  const writer = new RecordWriter('connector-1', HEADER_NAMES)
  const records = new RecordBatch('telemetry', 0)
  const batch = batchOf('channel_1', messages)
  for (const message of messages) {
    assert.ok(writer.append(records, batch, message, Buffer.from(message.topic), 1_000_000))
  }
  const algorithm = compression === undefined ? undefined : compressionsAlgorithms[compression]
  records.seal({
    producer,
    sequence: 17,
    isTransactional: true,
    compression:
      algorithm === undefined
        ? undefined
        : { bits: algorithm.bitmask, compress: (bytes) => algorithm.compressSync(bytes) },
    crc32c,
  })
  return records
}

test('murmur2 gives the numbers of Kafka’s Java client', () => {
  // From the tests of org.apache.kafka.common.utils.Utils.
  const known: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [text, hash] of known) assert.equal(murmur2(Buffer.from(text)), hash)
})

test('murmur2 agrees with the client library for any bytes', () => {
  const random = new Random(1)
  for (let i = 0; i < MANY; i++) {
    const bytes = Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256)))
    assert.equal(murmur2(bytes), theirMurmur2(bytes), bytes.toString('hex'))
    assert.ok(keyHash(bytes) >= 0)
  }
})

test('numbers of any size have the length that was promised', () => {
  const target = Buffer.alloc(10)
  const random = new Random(2)
  const edges = [0, -1, 1, 63, 64, -64, -65, 8_191, 8_192, 0x7fffffff, -0x80000000]
  const larger = [2 ** 31, -(2 ** 31) - 1, 2 ** 40, Number.MAX_SAFE_INTEGER, -(2 ** 52)]
  for (const value of [...edges, ...larger]) {
    const end = writeVarlong(value, target, 0)
    assert.equal(end, varintBytes(value), String(value))
    assert.equal(Reader.from(target.subarray(0, end)).readVarInt64(), BigInt(value))
  }
  for (let i = 0; i < MANY; i++) {
    const value = random.below(2 ** 32) - 2 ** 31
    const end = writeVarint(value, target, 0)
    // The library’s readVarInt is wrong from 2³⁰ on.
    assert.equal(Reader.from(target.subarray(0, end)).readVarInt64(), BigInt(value))
  }
})

for (const compression of [undefined, 'gzip', 'snappy', 'lz4'] as const) {
  test(`a record batch is read as it was written (${compression ?? 'not compressed'})`, () => {
    const random = new Random(3)
    const messages = Array.from({ length: 300 }, (_, index) => {
      const payload = Buffer.alloc(random.below(500), `payload ${index} `)
      const receivedAt = 1_700_000_000_000 + (random.below(2 ** 32) - 2 ** 31) * 4
      const message = makeMessage(index * 1_000, { payload, receivedAt, topic: `t/${index % 7}/ü` })
      return index % 2 === 0 ? packedMessage(message) : message
    })
    const { bytes } = written(messages, compression)

    const batch = readRecordsBatch(Reader.from(Buffer.from(bytes)))

    assert.equal(batch.magic, 2)
    assert.equal(batch.crc, crc32c(bytes.subarray(21)))
    assert.equal(batch.producerId, producer.id)
    assert.equal(batch.producerEpoch, producer.epoch)
    assert.equal(batch.firstSequence, 17)
    assert.equal(batch.attributes & 0x10, 0x10)
    assert.equal(batch.records.length, messages.length)
    batch.records.forEach((record, index) => {
      const message = messages[index]
      assert.ok(message !== undefined)
      assert.equal(record.offsetDelta, index)
      assert.equal(batch.firstTimestamp + record.timestampDelta, BigInt(message.receivedAt))
      assert.equal(String(record.key), message.topic)
      assert.deepEqual(Buffer.from(record.value ?? []), message.payload)
      const headers = Object.fromEntries(
        record.headers.map(([name, value]) => [String(name), String(value)]),
      )
      assert.deepEqual(headers, {
        connector: 'connector-1',
        channel: 'channel_1',
        log_id: '0a1b2c3d',
        offset: String(message.offset),
        arrival_time: new Date(message.receivedAt).toISOString(),
        topic: message.topic,
        message_id: message.messageId,
        content_type: 'text/plain',
      })
    })
    const latest = Math.max(...messages.map(({ receivedAt }) => receivedAt))
    assert.equal(batch.maxTimestamp, BigInt(latest))
  })
}

test('a batch takes no more than its bytes, but always one message', () => {
  const writer = new RecordWriter('connector-1', [])
  const records = new RecordBatch('telemetry', 0)
  const message = makeMessage(0, { payload: Buffer.alloc(1_000) })
  const batch = batchOf('channel_1', [message])

  assert.ok(writer.append(records, batch, message, undefined, 500))
  assert.ok(!writer.append(records, batch, message, undefined, 2_000))
  assert.equal(records.count, 1)
  assert.ok(writer.append(records, batch, message, undefined, 3_000))
})

test('another producer id gives the same records with a checksum that fits', () => {
  const records = written([makeMessage(0), makeMessage(1)])
  const before = Buffer.from(records.bytes)

  records.stamp({ id: 5n, epoch: 0 }, 0)

  const batch = readRecordsBatch(Reader.from(Buffer.from(records.bytes)))
  assert.equal(batch.crc, crc32c(records.bytes.subarray(21)))
  assert.equal(batch.producerId, 5n)
  assert.deepEqual(records.bytes.subarray(61), before.subarray(61))
})

test('sequences begin again after the largest number', () => {
  assert.equal(nextSequence(0, 5), 5)
  assert.equal(nextSequence(0x7fffffff - 5, 5), 0x7fffffff)
  assert.equal(nextSequence(0x7fffffff, 1), 0)
  assert.equal(nextSequence(0x7fffffff - 1, 3), 1)
})
