/** Rows of datastores, as the worker makes them of stored messages. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { derive } from '../../../../src/analytics/datastores/jobs/derive.ts'
import { rewrite } from '../../../../src/analytics/datastores/jobs/rewrite.ts'
import { compact } from '../../../../src/analytics/tables/jobs/compact.ts'
import { chainOf, TABLE, withDerivations } from '../../../support/analytics/derivations.ts'
import { fakeFunctions } from '../../../support/analytics/pipeline-resources.ts'

const duckdb = await import('@duckdb/node-api').catch(() => undefined)
const skip = duckdb === undefined && 'DuckDB is not installed: npm install @duckdb/node-api'

const hot = { filter: { name: 'hot', filter: 'temp > 20' } }
const fahrenheit = { math: { name: 'f', attribute: 'f', math: 'temp * 1.8 + 32' } }
const readings = Array.from({ length: 10 }, (_, index) => ({
  payload: JSON.stringify({ device: `d${index}`, temp: 15 + index }),
}))

test('a datastore has what the pipeline makes of the messages, with typed columns', {
  skip,
}, async (t) => {
  await withDerivations(t, readings, async ({ derivation, tools, rows, paths }) => {
    const result = await derive(derivation(0, 10), tools([hot, fahrenheit]))

    assert.deepEqual(await rows('"offset", part, device, temp, f, decode(payload)'), [
      ['6', 0, 'd6', '21', 69.80000000000001, '{"device":"d6","temp":21,"f":69.80000000000001}'],
      ['7', 0, 'd7', '22', 71.6, '{"device":"d7","temp":22,"f":71.6}'],
      ['8', 0, 'd8', '23', 73.4, '{"device":"d8","temp":23,"f":73.4}'],
      ['9', 0, 'd9', '24', 75.2, '{"device":"d9","temp":24,"f":75.2}'],
    ])
    const { to, messages, dropped, failures, gap } = result
    assert.deepEqual([to, messages, result.rows, dropped, failures, gap], [10, 10, 4, 6, [], 0])
    const log = derivation(0, 0).logId
    const name = `${log}-0000000000000000-0000000000000010.parquet`
    assert.deepEqual(await paths(), [`__dt=2026-11-29/${name}`])
  })
})

test('messages of two days are in files of their own, each in one', { skip }, async (t) => {
  const at = (hour: number) => Date.parse('2026-11-29T23:00:00Z') + hour * 3_600_000
  const messages = readings.map((one, index) => ({ ...one, at: at(index < 4 ? 0 : 2) }))
  await withDerivations(t, messages, async ({ derivation, tools, rows, paths }) => {
    await derive(derivation(0, 10), tools([]))

    const days = (await paths()).map((path) => path.slice(0, 15))
    assert.deepEqual(days, ['__dt=2026-11-29', '__dt=2026-11-30'])
    assert.equal((await rows('device')).length, 10)
  })
})

test('a Parquet datastore has the declared columns alone, and values that do not fit are NULL', {
  skip,
}, async (t) => {
  const columns = [
    { name: 'id', type: 'BIGINT' },
    { name: 'price', type: 'DECIMAL(10,2)' },
    { name: 'tags', type: 'VARCHAR[]' },
    { name: 'place', type: 'STRUCT("hall" INTEGER, "row" VARCHAR)' },
    { name: 'seen', type: 'TIMESTAMP' },
    { name: 'offset', type: 'INTEGER' },
  ]
  const messages = [
    {
      payload:
        '{"id":9007199254740993,"price":12.345,"tags":["a","b"],"place":{"hall":3,"row":"x"},"seen":"2026-11-29 10:00:00","offset":7,"more":1}',
    },
    {
      payload:
        '{"id":1.5,"price":"12","tags":5,"place":"hall 3","seen":"soon","offset":3000000000}',
    },
    { payload: '{}' },
  ]
  await withDerivations(t, messages, async ({ derivation, tools, rows }) => {
    const { drifted } = await derive(derivation(0, 3, { columns }), tools([]))

    assert.deepEqual(await rows('id, price, tags, place, seen, payload_offset, drift'), [
      [
        '9007199254740993',
        '12.35',
        ['a', 'b'],
        { hall: 3, row: 'x' },
        '2026-11-29 10:00:00',
        7,
        null,
      ],
      [null, null, null, null, null, null, 'id,price,tags,place,seen,payload_offset'],
      [null, null, null, null, null, null, null],
    ])
    assert.equal(drifted, 6)
  })
})

test('several messages that a function makes of one are parts of it', { skip }, async (t) => {
  const functions = fakeFunctions({ twice: (event) => event.flatMap((one) => [one, one]) })
  const twice = { lambda: { name: 'twice', lambdaName: 'twice', batchSize: 1 } }
  await withDerivations(
    t,
    readings.slice(0, 2),
    async ({ derivation, tools, rows, paths, directory }) => {
      await derive(derivation(0, 1), tools([twice]))
      await derive(derivation(1, 2), tools([twice]))
      const { connection } = tools([])
      await compact(connection, {
        directory,
        table: TABLE,
        connectorId: 'c1',
        paths: await paths(),
      })

      assert.equal((await paths()).length, 1)
      assert.deepEqual(await rows('"offset", part, device'), [
        ['0', 0, 'd0'],
        ['0', 1, 'd0'],
        ['1', 0, 'd1'],
        ['1', 1, 'd1'],
      ])
    },
    { functions },
  )
})

test('messages that fail are kept with the reason, and the others are stored', {
  skip,
}, async (t) => {
  const functions = fakeFunctions({
    odd: (event) => {
      if (JSON.stringify(event).includes('d3')) throw new Error('no d3')
      return event
    },
  })
  const odd = { lambda: { name: 'odd', lambdaName: 'odd', batchSize: 1 } }
  await withDerivations(
    t,
    readings,
    async ({ derivation, tools, rows, failures }) => {
      const activities = chainOf([odd])
      const result = await derive(derivation(0, 10, { activities }), tools([odd]))

      const reason = 'the function odd failed: no d3'
      assert.deepEqual(result.failures, [{ activity: 'odd', lambdaName: 'odd', count: 1, reason }])
      assert.equal((await rows('device')).length, 9)
      assert.deepEqual(failures, [{ offset: 3, reason }])
    },
    { functions },
  )
})

test('a file that is made again has the new rows of its messages, in its place', {
  skip,
}, async (t) => {
  await withDerivations(t, readings, async ({ derivation, tools, rows, paths }) => {
    await derive(derivation(0, 10), tools([hot]))
    const [path = ''] = await paths()

    const all = await rewrite(derivation(0, 10), path, tools([]), {})

    assert.equal(all.rows, 10)
    assert.deepEqual(await paths(), [path])
    assert.equal((await rows('device')).length, 10)

    await rewrite(derivation(2, 5), path, tools([fahrenheit]), {})

    const values = (await rows('f')).map(([value]) => value)
    assert.deepEqual(
      values.map((value) => value !== null),
      [false, false, true, true, true, false, false, false, false, false],
    )

    await rewrite(
      derivation(0, 10),
      path,
      tools([{ filter: { name: 'none', filter: 'temp > 99' } }]),
      {},
    )
    assert.deepEqual([await paths(), await rows('f')], [[path], []])
  })
})

test('only messages that arrived in the window are made again, and rows of lost ones stay', {
  skip,
}, async (t) => {
  const at = (index: number) => Date.parse('2026-11-29T10:00:00Z') + index * 1000
  const messages = readings.map((one, index) => ({ ...one, at: at(index) }))
  await withDerivations(t, messages, async ({ derivation, tools, rows, paths }) => {
    await derive(derivation(0, 10), tools([]))
    const [path = ''] = await paths()

    await rewrite(derivation(0, 10), path, tools([fahrenheit]), { from: at(3), until: at(5) })
    assert.deepEqual(await rows('device || (f is not null)'), [
      ...[0, 1, 2].map((n) => [`d${n}false`]),
      ['d3true'],
      ['d4true'],
      ...[5, 6, 7, 8, 9].map((n) => [`d${n}false`]),
    ])

    // The log is another one now: none of the messages can be read any more.
    const other = derivation(0, 10, { channel: 'elsewhere' })
    await rewrite(other, path, tools([hot]), {})
    assert.equal((await rows('device')).length, 10)
  })
})
