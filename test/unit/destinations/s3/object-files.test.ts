/** The content of objects, as readers of other makers see it, and how it is written. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parquetReadObjects } from 'hyparquet'
import { RowWriter } from '../../../../src/destinations/rows/row-writer.ts'
import type { ColumnsOption } from '../../../../src/destinations/s3/files/column-options.ts'
import { columnsOption } from '../../../../src/destinations/s3/files/column-options.ts'
import { GzipLines } from '../../../../src/destinations/s3/files/gzip-lines.ts'
import type {
  ByteSink,
  ObjectEncoder,
} from '../../../../src/destinations/s3/files/object-encoder.ts'
import { ParquetRows } from '../../../../src/destinations/s3/files/parquet-rows.ts'
import { removeSpoolFiles, SpoolFile } from '../../../../src/destinations/s3/files/spool-file.ts'
import { ConnectorError } from '../../../../src/errors.ts'
import type { Message } from '../../../../src/message.ts'
import { makeMessage, packedMessage } from '../../../support/channels/batch-maker.ts'

const origin = { channel: 'test', logId: '0a1b2c3d' }
const NOON = Date.UTC(2026, 10, 29, 12)

class Collected implements ByteSink {
  readonly #pieces: Buffer[] = []

  append(bytes: Uint8Array): Promise<void> {
    this.#pieces.push(Buffer.from(bytes))
    return Promise.resolve()
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces)
  }
}

type Making = (sink: ByteSink) => ObjectEncoder

const asLines: Making = (sink) =>
  new GzipLines({ rows: new RowWriter('site_1'), origin, level: 1, sink })

function asParquet(columns?: ColumnsOption, codec: 'gzip' | 'snappy' = 'gzip'): Making {
  return (sink) =>
    new ParquetRows({ connectorId: 'site_1', origin, columns, codec, level: 1, sink })
}

/** @param flushEvery messages between two calls of `flush` */
async function written(make: Making, messages: readonly Message[], flushEvery = 1_000) {
  const sink = new Collected()
  const encoder = make(sink)
  for (const [index, message] of messages.entries()) {
    encoder.add(message)
    if ((index + 1) % flushEvery === 0) await encoder.flush()
  }
  await encoder.finish()
  return { bytes: sink.bytes, rows: encoder.rows, typeConflicts: encoder.typeConflicts }
}

function readParquet(bytes: Buffer): Promise<Record<string, unknown>[]> {
  const file = new Uint8Array(bytes).buffer
  return parquetReadObjects({
    file,
    utf8: false,
    compressors: { GZIP: (input) => gunzipSync(input) },
  })
}

function jsonMessages(values: readonly unknown[]): Message[] {
  return values.map((value, offset) =>
    makeMessage(offset, { receivedAt: NOON + offset, payload: Buffer.from(JSON.stringify(value)) }),
  )
}

const payloads = fc.array(
  fc.oneof(
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
    fc.dictionary(fc.constantFrom('a', 'b', 'C', 'c', 'offset'), fc.jsonValue()).map((value) => {
      return Buffer.from(JSON.stringify(value))
    }),
    fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
  ),
  { maxLength: 30 },
)

function messagesOf(given: readonly Buffer[]): Message[] {
  return given.map((payload, index) =>
    packedMessage(
      makeMessage(index * 3, { receivedAt: NOON + index, payload, topic: `a/ü/${index}` }),
    ),
  )
}

test('lines are one gzip member that other readers take, and have every message in order', async () => {
  const messages = jsonMessages(
    Array.from({ length: 20_000 }, (_, n) => ({ n, text: 'ü'.repeat(9) })),
  )
  const { bytes, rows } = await written(asLines, messages)
  const lines = gunzipSync(bytes).toString().trimEnd().split('\n')

  assert.equal(rows, 20_000)
  assert.equal(lines.length, 20_000)
  assert.deepEqual(JSON.parse(lines[19_999]!), {
    connector: 'site_1',
    channel: 'test',
    log_id: '0a1b2c3d',
    offset: 19_999,
    arrival_time: '2026-11-29T12:00:19.999Z',
    topic: 'test',
    message_id: '0a1b2c3d-19999',
    content_type: 'application/json',
    payload: { n: 19_999, text: 'ü'.repeat(9) },
  })
  // One head only, so that readers that stop after the first member read all of it.
  assert.equal(bytes.subarray(0, 4).toString('hex'), '1f8b0800')
})

test('the bytes do not depend on when they are written to disk', async () => {
  const messages = jsonMessages(Array.from({ length: 9_000 }, (_, n) => ({ n, on: n % 2 === 0 })))
  for (const make of [asLines, asParquet('auto')]) {
    const [once, often] = [
      await written(make, messages, 1_000_000),
      await written(make, messages, 77),
    ]
    assert.ok(once.bytes.equals(often.bytes))
  }
})

test('every message is in a Parquet file, with its payload as it was', async () => {
  await fc.assert(
    fc.asyncProperty(payloads, async (given) => {
      const messages = messagesOf(given)
      const { bytes, rows } = await written(asParquet('auto'), messages)
      const read = await readParquet(bytes)
      assert.equal(rows, messages.length)
      assert.equal(read.length, messages.length)
      for (const [index, message] of messages.entries()) {
        const row = read[index]!
        const payload = row['payload'] ?? row['payload_bytes']
        assert.equal(row['offset'], BigInt(message.offset))
        assert.equal(row['topic'], message.topic)
        assert.equal(Number(row['arrival_time']), message.receivedAt)
        assert.ok(Buffer.from(payload as string).equals(message.payload))
      }
    }),
    { numRuns: 60 },
  )
})

test('with auto, members of JSON payloads become columns of their types', async () => {
  const messages = jsonMessages([
    { temperature: 21, ok: true, unit: 'C', nested: { a: 1 }, list: [1], nothing: null },
    { temperature: 21.5, ok: false },
    { temperature: 'broken', unit: 'F', later: 1 },
  ])
  const { bytes, typeConflicts } = await written(asParquet('auto', 'snappy'), messages)
  const rows = await readParquet(bytes)

  assert.deepEqual(
    rows.map(({ temperature, ok, unit, later }) => [temperature, ok, unit, later]),
    [
      [21, true, 'C', null],
      [21.5, false, null, null],
      [null, null, 'F', 1],
    ],
  )
  assert.equal(typeConflicts, 1)
  assert.ok(!('nested' in rows[0]!) && !('list' in rows[0]!) && !('nothing' in rows[0]!))
  assert.equal(rows[2]!['payload'], '{"temperature":"broken","unit":"F","later":1}')
})

test('devices cannot choose any name for a column, nor two that differ in case only', async () => {
  const messages = jsonMessages([
    {
      Temp: 1,
      temp: 2,
      TEMP: 3,
      offset: 4,
      Payload: 5,
      'a b': 6,
      '1a': 7,
      'dt=x': 8,
      ['x'.repeat(129)]: 9,
    },
  ])
  const [row] = await readParquet((await written(asParquet('auto'), messages)).bytes)
  assert.equal(row!['Temp'], 1)
  assert.equal(Object.keys(row!).length, 11)
})

test('a device that invents members gets a bounded number of columns', async () => {
  const messages = jsonMessages(
    Array.from({ length: 50 }, (_, i) =>
      Object.fromEntries(Array.from({ length: 50 }, (_, j) => [`m${i}_${j}`, 1])),
    ),
  )
  const [row] = await readParquet((await written(asParquet('auto'), messages)).bytes)
  assert.equal(Object.keys(row!).length, 210)
})

test('the columns of a list have its names and types, and no others appear', async () => {
  const columns = columnsOption.parse(['temperature', { name: 'count', type: 'int64' }, 'absent'])
  const messages = jsonMessages([
    { temperature: 1.5, count: 3, other: 1 },
    { temperature: 2, count: 3.5 },
  ])
  const { bytes, typeConflicts } = await written(asParquet(columns), messages)
  const rows = await readParquet(bytes)
  assert.deepEqual(
    rows.map(({ temperature, count }) => [temperature, count]),
    [
      [1.5, 3n],
      [2, null],
    ],
  )
  assert.equal(typeConflicts, 1)
  assert.ok(!('other' in rows[0]!) && !('absent' in rows[0]!))
})

test('the schema of a file is fixed by its first row group', async () => {
  const values = Array.from({ length: 9_000 }, (_, n) => (n === 8_999 ? { n, late: 1 } : { n }))
  const rows = await readParquet((await written(asParquet('auto'), jsonMessages(values))).bytes)
  assert.equal(rows.length, 9_000)
  assert.equal(rows[8_999]!['n'], 8_999)
  assert.ok(!('late' in rows[8_999]!))
})

test('columns that no file can have are refused in the configuration', () => {
  for (const given of [['offset'], ['a', 'A'], ['a b'], [], [{ name: 'a', type: 'date' }], 'all']) {
    assert.equal(columnsOption.safeParse(given).success, false, JSON.stringify(given))
  }
})

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'spool-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('a spool file has the bytes and their hashes, and is removed', async (t) => {
  const folder = join(directory(t), 'not', 'there')
  const file = await SpoolFile.create(folder, 'one')
  for (let i = 0; i < 100; i++) await file.append(Buffer.alloc(10_007, i))
  const bytes = readFileSync(file.path)
  const sha256 = (part: Buffer) => createHash('sha256').update(part).digest('hex')

  assert.equal(file.length, 1_000_700)
  assert.equal(await file.sha256Of(0, file.length), sha256(bytes))
  assert.equal(await file.sha256Of(99, 900_001), sha256(bytes.subarray(99, 900_001)))
  const read: Buffer[] = []
  for await (const piece of file.read(5, 600_000)) read.push(Buffer.from(piece))
  assert.ok(Buffer.concat(read).equals(bytes.subarray(5, 600_000)))
  await file.remove()
  await file.remove()
  assert.deepEqual(readdirSync(folder), [])
})

test('files that an earlier process left are removed, and no others', async (t) => {
  const folder = directory(t)
  for (const name of ['a.spool', 'b.spool', 'c.txt']) writeFileSync(join(folder, name), 'x')
  await removeSpoolFiles(folder)
  assert.deepEqual(readdirSync(folder), ['c.txt'])
  await removeSpoolFiles(join(folder, 'none'))
})

test('a directory that cannot be written keeps the messages and says why', async (t) => {
  const folder = directory(t)
  writeFileSync(join(folder, 'file'), '')
  await assert.rejects(SpoolFile.create(join(folder, 'file', 'below'), 'one'), (error) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'StorageFailed')
    assert.equal(error.effect, 'retry')
    assert.match(error.message, /not a directory.*The messages are kept/)
    return true
  })
})

/** Fails from a certain write on, as a full disk does, until there is room. */
class FullSink extends Collected {
  writesLeft: number

  constructor(writesLeft: number) {
    super()
    this.writesLeft = writesLeft
  }

  override append(bytes: Uint8Array): Promise<void> {
    if (this.writesLeft-- <= 0) return Promise.reject(new Error('ENOSPC'))
    return super.append(bytes)
  }
}

test('an object that could not be finished goes on when the disk has room again', async () => {
  const messages = jsonMessages(Array.from({ length: 20_000 }, (_, n) => ({ n })))
  for (const make of [asLines, asParquet('auto')]) {
    const { bytes } = await written(make, messages, 1_000_000)
    for (let writes = 0; writes < 4; writes++) {
      const sink = new FullSink(writes)
      const encoder = make(sink)
      for (const message of messages) encoder.add(message)
      const failed = async () => {
        await assert.rejects(encoder.finish(), /ENOSPC/)
      }
      // Twice, because the second attempt must not go on from a wrong place either.
      await failed()
      await failed()
      sink.writesLeft = 1_000
      await encoder.finish()
      assert.ok(sink.bytes.equals(bytes), `after ${writes} writes`)
    }
  }
})

test('other work goes on while a row group is compressed', async () => {
  const messages = jsonMessages(
    Array.from({ length: 8_000 }, (_, n) => ({ n, x: Math.sqrt(n), text: `${n}`.repeat(20) })),
  )
  for (const codec of ['gzip', 'snappy'] as const) {
    const encoder = asParquet('auto', codec)(new Collected())
    for (const message of messages) encoder.add(message)
    let turns = 0
    const count = () => {
      turns++
      next = setImmediate(count)
    }
    let next = setImmediate(count)
    await encoder.flush()
    clearImmediate(next)
    // At least one for each large column: time, id, payload, n, x, text.
    assert.ok(turns >= 6, `${codec}: ${turns} turns`)
  }
})
