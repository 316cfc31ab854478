/** A whole connector uploads the Parquet files of a day that is over. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3'
import { readTable } from '../../src/analytics/tables/table.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { duckdb, rowsOf } from '../support/analytics/duckdb.ts'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { fastClock } from '../support/fast-clock.ts'
import { startConnector, temporaryDirectory } from '../support/processes/running-connector.ts'
import {
  MOTO_CREDENTIALS,
  MOTO_REGION,
  skipWithoutMoto,
  startMoto,
} from '../support/servers/moto.ts'
import { until } from '../support/until.ts'

/** The five minutes that a few rows wait are a second. */
const SPEED = 300
const DAY_MS = 86_400_000
const BUCKET = 'lake'

test('when the day is over, its file is in S3 as one object, which DuckDB reads by its folders', {
  skip: WITHOUT_DUCKDB || skipWithoutMoto,
}, async (t) => {
  const moto = await startMoto(t)
  const client = new S3Client({
    endpoint: moto.url,
    region: MOTO_REGION,
    credentials: { ...MOTO_CREDENTIALS },
    forcePathStyle: true,
  })
  t.after(() => client.destroy())
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  const directory = await temporaryDirectory(t)
  const upload = {
    bucket: BUCKET,
    prefix: 'raw',
    endpoint: moto.url,
    credentials: { ...MOTO_CREDENTIALS },
  }
  const clock = { ...fastClock(SPEED), now: () => Date.now() + shiftMs }
  let shiftMs = 0
  const config = { storage: { directory }, analytics: { tables: { upload } } }
  const connector = await startConnector(t, config, { clock })
  const http = connector.describe().http ?? assert.fail('the HTTP server does not run')
  for (let n = 0; n < 20; n++) await connector.publish('plant', JSON.stringify({ n, temp: 20.5 }))
  await until('the rows are in a file', async () => {
    return (await readTable(directory, 'tables/plant')).files.length > 0
  })
  const before = await keysIn(client)

  shiftMs = 2 * DAY_MS
  await until('the file is uploaded', async () => {
    const metrics = await (await fetch(`${http}/metrics`)).text()
    return /table_waiting_uploads\{channel="plant"\} 0\n/.test(metrics)
  })

  const keys = await keysIn(client)
  const { files } = await readTable(directory, 'tables/plant')
  assert.deepEqual(before, [])
  assert.deepEqual(
    keys,
    files.map(({ path }) => `raw/channel=plant/${path}`),
  )
  const [key = ''] = keys
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }))
  const copy = join(directory, 'copy.parquet')
  await writeFile(copy, Buffer.from((await Body?.transformToByteArray()) ?? []))
  const rows = await rowsOf(
    await duckdb(t),
    `SELECT count(*) AS rows, sum(n) AS sum, avg(temp) AS temp FROM read_parquet('${copy}')`,
  )
  assert.deepEqual(rows, [{ rows: 20n, sum: 190n, temp: 20.5 }])
})

test('the Region of the bucket has the defaults of destinations', () => {
  const upload = { bucket: 'lake', credentials: { accessKeyId: 'A', secretAccessKey: 'secret-1' } }
  const parse = (parameters: object, environment: Record<string, string> = {}) =>
    parseConfig({ analytics: { tables: { upload } }, parameters }, environment)

  assert.equal(parse({ PublishRegion: 'eu-west-1' }).analytics.tables?.upload?.region, 'eu-west-1')
  assert.throws(() => parse({}), /analytics\.tables\.upload\.region.*expected a Region/)
})

async function keysIn(client: S3Client): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET }))
  return Contents.map(({ Key = '' }) => Key)
}
