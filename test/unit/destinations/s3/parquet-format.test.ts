/** The encodings of Parquet pages, as hyparquet's reader sees them, and values of JSON. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects, snappyUncompress } from 'hyparquet'
import { columnsOption } from '../../../../src/destinations/s3/files/column-options.ts'
import { numberIn } from '../../../../src/destinations/s3/files/json-values.ts'
import { RowGroup } from '../../../../src/destinations/s3/files/row-group.ts'
import { TypedColumns } from '../../../../src/destinations/s3/files/typed-columns.ts'
import {
  BytesColumn,
  type Column,
  CountingColumn,
  DictionaryColumn,
  FlagColumn,
  NumberColumn,
} from '../../../../src/destinations/s3/parquet/columns.ts'
import { CONVERTED, TYPE } from '../../../../src/destinations/s3/parquet/format.ts'
import { ParquetFile } from '../../../../src/destinations/s3/parquet/parquet-file.ts'
import { snappyCompressed } from '../../../../src/destinations/s3/parquet/snappy.ts'
import { makeMessage } from '../../../support/channels/batch-maker.ts'

type Rows = Record<string, unknown>[]

async function fileOf(columns: readonly Column[], rows: number): Promise<ArrayBuffer> {
  const parts: Buffer[] = []
  const append = async (bytes: Uint8Array) => void parts.push(Buffer.from(bytes))
  const file = new ParquetFile({ codec: 'snappy', level: 1, append })
  if (rows > 0) await file.add(columns, rows)
  file.finish(columns.map(({ schema }) => schema))
  await file.flush()
  return new Uint8Array(Buffer.concat(parts)).buffer
}

async function readBack(columns: readonly Column[], rows: number): Promise<Rows> {
  return await parquetReadObjects({ file: await fileOf(columns, rows), utf8: false })
}

const wholeNumbers = fc.oneof(
  fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 300 }),
  fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 600 }),
  fc
    .array(fc.nat({ max: 2 ** 31 }), { minLength: 1, maxLength: 600 })
    .map((steps) => steps.map((_, i) => steps.slice(0, i).reduce((sum, step) => sum + step, 0))),
)

test('whole numbers of every size and distance are read back as they were', async () => {
  await fc.assert(
    fc.asyncProperty(wholeNumbers, fc.constantFrom(1, 1_000), async (numbers, factor) => {
      const column = new CountingColumn({ name: 'n' }, factor)
      for (const number of numbers) column.add(number)
      const rows = await readBack([column], numbers.length)
      assert.deepEqual(
        rows.map(({ n }) => n),
        numbers.map((number) => BigInt(number) * BigInt(factor)),
      )
    }),
    { numRuns: 150 },
  )
})

test('texts that occur again, and texts in full, are read back as they were', async () => {
  const texts = fc.array(fc.oneof(fc.constantFrom('a', 'b', 'ü€🐘', ''), fc.string()), {
    minLength: 1,
    maxLength: 700,
  })
  await fc.assert(
    fc.asyncProperty(texts, async (given) => {
      const again = new DictionaryColumn('again')
      const full = new BytesColumn({ name: 'full', converted: 0, isOptional: false })
      for (const [row, text] of given.entries()) {
        again.add(text)
        full.add(row, text)
      }
      const rows = await readBack([again, full], given.length)
      assert.deepEqual(
        rows.map((row) => [row['again'], row['full']]),
        given.map((text) => [text, text]),
      )
    }),
    { numRuns: 100 },
  )
})

test('rows without a value are NULL, wherever they are', async () => {
  const values = fc.array(
    fc.record({
      double: fc.option(fc.double({ noNaN: true })),
      whole: fc.option(fc.maxSafeInteger()),
      flag: fc.option(fc.boolean()),
      text: fc.option(fc.string({ unit: 'grapheme' })),
    }),
    { minLength: 1, maxLength: 300 },
  )
  await fc.assert(
    fc.asyncProperty(values, async (given) => {
      const double = new NumberColumn('double', TYPE.double)
      const whole = new NumberColumn('whole', TYPE.int64)
      const flag = new FlagColumn('flag')
      const text = new BytesColumn({ name: 'text', converted: 0, isOptional: true })
      for (const [row, value] of given.entries()) {
        if (value.double !== null) double.add(row, value.double)
        if (value.whole !== null) whole.add(row, value.whole)
        if (value.flag !== null) flag.add(row, value.flag)
        if (value.text !== null) text.add(row, value.text)
      }
      const rows = await readBack([double, whole, flag, text], given.length)
      assert.deepEqual(
        rows,
        given.map((value) => ({
          ...value,
          whole: value.whole === null ? null : BigInt(value.whole),
        })),
      )
    }),
    { numRuns: 150 },
  )
})

test('a row group says which values its columns have', async () => {
  const number = new NumberColumn('number', TYPE.double)
  const text = new DictionaryColumn('text')
  for (const [row, value] of [3, -1.5, 0].entries()) number.add(row, value)
  for (const value of ['b', 'z', 'ä']) text.add(value)
  const { row_groups, num_rows } = parquetMetadata(await fileOf([number, text], 3))
  const [first, second] = row_groups[0]!.columns.map((column) => column.meta_data?.statistics)
  assert.equal(num_rows, 3n)
  assert.deepEqual([first?.min_value, first?.max_value, first?.null_count], [-1.5, 3, 0n])
  // In the order of their bytes.
  assert.deepEqual([second?.min_value, second?.max_value], ['b', 'ä'])
})

test('times are in UTC for readers of the old kind of type and of the new one', async () => {
  const file = await fileOf(
    [new CountingColumn({ name: 'at', converted: CONVERTED.timestampMicros }, 1)],
    0,
  )
  const [, at] = parquetMetadata(file).schema
  assert.equal(at?.converted_type, 'TIMESTAMP_MICROS')
  assert.deepEqual(at?.logical_type, { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' })
})

test('a file without rows is a file', async () => {
  assert.deepEqual(await readBack([new DictionaryColumn('text')], 0), [])
})

test('what Snappy compresses is what was there, and repeated bytes take little room', async () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 9_000 }))
      .map(([bytes, times]) => Buffer.concat(new Array<Uint8Array>(times).fill(bytes))),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
      const input = Buffer.concat(parts)
      const compressed = await snappyCompressed(input, () => Promise.resolve())
      const output = Buffer.alloc(input.length)
      if (input.length > 0) snappyUncompress(compressed, output)
      assert.ok(output.equals(input))
    }),
    { numRuns: 100 },
  )
  const compressed = await snappyCompressed(Buffer.alloc(300_000), () => Promise.resolve())
  assert.ok(compressed.length < 20_000)
})

test('numbers in JSON mean what JSON.parse makes of them', () => {
  const texts = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
    fc.maxSafeInteger().map(String),
    fc
      .tuple(fc.boolean(), fc.nat({ max: 10 ** 9 }), fc.stringMatching(/^[0-9]{1,9}$/))
      .map(([isNegative, whole, fraction]) => `${isNegative ? '-' : ''}${whole}.${fraction}`),
    fc.constantFrom('-0', '0', '-0.0', '1e400', '1E-7', '0.1e1', '123456789012345678'),
  )
  fc.assert(
    fc.property(texts, (text) => {
      const bytes = Buffer.from(`[${text}]`)
      assert.ok(Object.is(numberIn(bytes, 1, bytes.length - 1), JSON.parse(text)), text)
    }),
    { numRuns: 2_000 },
  )
})

interface Model {
  readonly rows: Rows
  readonly conflicts: number
}

/** Typed columns with JSON.parse. */
function modelOf(payloads: readonly string[], wanted: 'auto' | ReadonlyMap<string, string>): Model {
  const types = new Map<string, string | undefined>(wanted === 'auto' ? [] : wanted)
  const rows: Rows = []
  let conflicts = 0
  const typeOf = (value: unknown) => (typeof value === 'number' ? 'double' : typeof value)
  for (const payload of payloads) {
    const row: Record<string, unknown> = {}
    rows.push(row)
    const value: unknown = JSON.parse(payload)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
    for (const [name, member] of Object.entries(value)) {
      if (member === null) continue
      if (wanted === 'auto' && !types.has(name) && /^[a-z_]+$/i.test(name)) {
        const isTaken = [...types.keys()].some(
          (other) => other.toLowerCase() === name.toLowerCase(),
        )
        if (typeof member !== 'object' && !isTaken) types.set(name, undefined)
      }
      if (!types.has(name)) continue
      if (types.get(name) === undefined && typeof member !== 'object')
        types.set(name, typeOf(member))
      const type = types.get(name)
      if (type === undefined) continue
      const isFitting = type === 'int64' ? Number.isSafeInteger(member) : typeOf(member) === type
      if (!isFitting) conflicts++
      else row[name] = type === 'int64' ? BigInt(member as number) : member
    }
  }
  const names = [...types].filter(([, type]) => type !== undefined).map(([name]) => name)
  return {
    rows: rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name] ?? null]))),
    conflicts,
  }
}

const names = fc.constantFrom('a', 'b', 'A', 'd', 'c c', 'ä', '', '\\u0061')
const members = fc.oneof(
  fc.constantFrom('1', '-2.5', '1e3', '12345678901234567890', 'true', 'false', 'null', '"x"'),
  fc.constantFrom('"\\u00e4\\n"', '{}', '[1,{"a":2}]', '{"b":1}', '""', '"ä"'),
)
const object = fc
  .array(fc.tuple(names, members, fc.constantFrom('', ' ', '\n\t')), { maxLength: 6 })
  .map((given) => `{${given.map(([name, value, space]) => `${space}"${name}":${space}${value}`)}}`)
const payloads = fc.array(fc.oneof({ weight: 6, arbitrary: object }, members), {
  minLength: 1,
  maxLength: 30,
})

test('typed columns have what JSON.parse finds, and conflicts are counted', async () => {
  const list = columnsOption.parse(['a', { name: 'b', type: 'int64' }, { name: 'd' }])
  const types = new Map([
    ['a', undefined],
    ['b', 'int64'],
    ['d', undefined],
  ]) as unknown as ReadonlyMap<string, string>
  await fc.assert(
    fc.asyncProperty(payloads, fc.boolean(), async (given, isAuto) => {
      const typed = new TypedColumns(isAuto ? 'auto' : list)
      const group = new RowGroup('site', { channel: 'c', logId: 'l' })
      for (const [offset, payload] of given.entries()) {
        group.add(makeMessage(offset, { payload: Buffer.from(payload) }), typed)
      }
      typed.close()
      const columns = group.columns(typed.columns)
      const rows = await readBack(columns, given.length)
      const model = modelOf(given, isAuto ? 'auto' : types)
      assert.equal(typed.conflicts, model.conflicts)
      for (const [index, row] of rows.entries()) {
        const found = Object.entries(row).slice(10)
        assert.deepEqual(found, Object.entries(model.rows[index]!))
      }
    }),
    { numRuns: 500 },
  )
})
