/** `UPLOAD_KILLS` sets the number of kills, `UPLOAD_SEED` the moments. */
import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3'
import { parquetSource } from '../../../src/analytics/tables/jobs/parquet-file.ts'
import { TABLES_NAME } from '../../../src/analytics/tables/table-location.ts'
import { duckdb, rowsOf } from '../../support/analytics/duckdb.ts'
import { draftOf } from '../../support/channels/log-drafts.ts'
import { diskStore, temporaryDirectory } from '../../support/disk/disk-stores.ts'
import { runUntilKilled } from '../../support/processes/killed-program.ts'
import { Random } from '../../support/random.ts'
import {
  MOTO_CREDENTIALS,
  MOTO_REGION,
  skipWithoutMoto,
  startMoto,
} from '../../support/servers/moto.ts'

const ROUNDS = Number(process.env['UPLOAD_KILLS'] ?? 12)
const SEED = Number(process.env['UPLOAD_SEED'] ?? 4711)
const CHANNEL = 'plant'
const BUCKET = 'lake'
const ROWS = 800
const START = Date.parse('2020-11-29T23:59:00Z')
const ROW_MS = 150
const LIFE = {
  program: join(import.meta.dirname, 'uploading-program.js'),
  mostCalls: 150,
  mostMs: 2_000,
}

test('wherever conversion, compaction or upload is killed, S3 has each row once in the end', {
  skip: skipWithoutMoto,
  timeout: 90_000 + ROUNDS * 15_000,
}, async (t) => {
  const moto = await startMoto(t)
  const directory = await temporaryDirectory(t)
  const downloads = await temporaryDirectory(t)
  const connection = await duckdb(t)
  const client = new S3Client({
    endpoint: moto.url,
    region: MOTO_REGION,
    credentials: { ...MOTO_CREDENTIALS },
    forcePathStyle: true,
  })
  t.after(() => client.destroy())
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  await storeRows(directory)
  const life = { ...LIFE, args: [directory, CHANNEL, moto.url, BUCKET] }
  const random = new Random(SEED)
  let kills = 0
  let finished = 0

  for (let round = 0; round < ROUNDS || finished === 0; round++) {
    const isDone = await runUntilKilled(life, random)
    const keys = await keysIn(client)
    const numbers: number[] = []
    for (const key of keys) {
      const path = join(downloads, 'object.parquet')
      await mkdir(downloads, { recursive: true })
      await writeFile(path, await contentOf(client, key))
      const rows = await rowsOf(connection, `SELECT n FROM ${parquetSource([path])} ORDER BY n`)
      numbers.push(...rows.map(({ n }) => Number(n)))
    }
    numbers.sort((left, right) => left - right)
    const what = `seed ${SEED}, round ${round}`
    assert.equal(new Set(numbers).size, numbers.length, `${what}: a row is there twice`)
    if (!isDone) {
      kills++
      continue
    }
    finished++
    assert.deepEqual(
      numbers,
      Array.from({ length: ROWS }, (_, n) => n),
      what,
    )
    await rm(join(directory, TABLES_NAME), { recursive: true })
    for (const Key of keys) await client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key }))
  }

  t.diagnostic(`${kills} killed, ${finished} finished`)
  assert.ok(kills > 0, 'some were killed')
})

async function storeRows(directory: string): Promise<void> {
  const store = diskStore({ directory })
  await store.open()
  const log = store.create(CHANNEL)
  for (let n = 0; n < ROWS; n++) {
    log.append(draftOf(JSON.stringify({ n }), { receivedAt: START + n * ROW_MS }))
  }
  await store.commit()
  await store.close()
}

async function keysIn(client: S3Client): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET }))
  return Contents.map(({ Key = '' }) => Key)
}

async function contentOf(client: S3Client, key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}
