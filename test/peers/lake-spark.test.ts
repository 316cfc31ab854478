/** As lake.test.ts, with Spark. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Releases } from '../support/destinations/kafka-site.ts'
import { expectedDays, FOLDER, Lake } from '../support/destinations/lake.ts'
import { skipWithoutReaders } from '../support/processes/readers.ts'
import { skipWithoutMoto } from '../support/servers/moto.ts'

test('Spark reads each message of Parquet in S3 once, with types and partitions', {
  skip: skipWithoutMoto || skipWithoutReaders,
}, async (t) => {
  const releases = new Releases()
  t.after(() => releases.run())
  const lake = await Lake.start(releases)
  await lake.addSecondDay()
  const days = await lake.days({ script: 'read_spark.py', args: [FOLDER], isSpark: true })
  assert.deepEqual(days, expectedDays())
})
