/**
 * Parquet objects that the connector has stored, read by the engines that docs/scale-out.md names.
 * The scripts of examples/scale-out/lake run unchanged.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Releases } from '../support/destinations/kafka-site.ts'
import { BUCKET, expectedDays, FOLDER, Lake } from '../support/destinations/lake.ts'
import { skipWithoutReaders } from '../support/processes/readers.ts'
import { MOTO_REGION, skipWithoutMoto } from '../support/servers/moto.ts'

describe('Parquet in S3 and its readers', { skip: skipWithoutMoto || skipWithoutReaders }, () => {
  const releases = new Releases()
  let lake: Lake

  before(async () => {
    lake = await Lake.start(releases)
  })
  after(() => releases.run())

  test('an Iceberg table has each object once, and takes new columns', async () => {
    const table = 'plant.telemetry'
    const env = {
      PYICEBERG_CATALOG__LAKE__TYPE: 'sql',
      PYICEBERG_CATALOG__LAKE__URI: `sqlite:///${join(lake.directory, 'catalogue.db')}`,
      PYICEBERG_CATALOG__LAKE__WAREHOUSE: `s3://${BUCKET}/iceberg`,
      PYICEBERG_CATALOG__LAKE__S3__ENDPOINT: lake.url,
      PYICEBERG_CATALOG__LAKE__S3__REGION: MOTO_REGION,
      // moto does not understand how Arrow completes an upload in parts.
      PYICEBERG_CATALOG__LAKE__PY_IO_IMPL: 'pyiceberg.io.fsspec.FsspecFileIO',
    }
    const register = () => lake.run({ script: 'iceberg.py', args: [FOLDER, table], env })

    const first = await lake.objectCount()
    assert.equal(await register(), `added ${first} objects to ${table}\n`)
    await lake.addSecondDay()
    const more = (await lake.objectCount()) - first
    assert.ok(more > 0)
    assert.equal(await register(), `added ${more} objects to ${table}\n`)
    assert.equal(await register(), `added 0 objects to ${table}\n`)

    const days = await lake.days({ script: 'read_iceberg.py', args: [table], env })
    assert.deepEqual(days, expectedDays())
  })

  const readers = {
    DuckDB: 'read_duckdb.py',
    Arrow: 'read_arrow.py',
    ClickHouse: 'read_clickhouse.py',
  }
  for (const [name, script] of Object.entries(readers)) {
    test(`${name} reads each message once, with types and partitions`, async () => {
      await lake.addSecondDay()
      assert.deepEqual(await lake.days({ script, args: [FOLDER] }), expectedDays())
    })
  }
})
