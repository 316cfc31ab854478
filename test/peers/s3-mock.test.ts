/** The destination s3 against S3Mock, an implementation of S3 that is not moto's. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client as SdkClient,
} from '@aws-sdk/client-s3'
import { parquetReadObjects } from 'hyparquet'
import { systemClock } from '../../src/clock.ts'
import { S3Destination, type S3Settings } from '../../src/destinations/s3/destination.ts'
import { SpoolFile } from '../../src/destinations/s3/files/spool-file.ts'
import { s3Options } from '../../src/destinations/s3/options.ts'
import { S3Client } from '../../src/destinations/s3/s3-client.ts'
import { Uploader } from '../../src/destinations/s3/uploader.ts'
import type { Notice } from '../../src/observer.ts'
import { makeMessage } from '../support/channels/batch-maker.ts'
import { skipWithoutS3Mock, startS3Mock } from '../support/servers/s3mock.ts'

const NOON = Date.UTC(2026, 10, 29, 12)
const CREDENTIALS = { accessKeyId: 'anyone', secretAccessKey: 'anything' }
const idle = new AbortController().signal

describe('s3 with S3Mock', { skip: skipWithoutS3Mock }, () => {
  const cleanups: (() => unknown)[] = []
  let url = ''
  let sdk: SdkClient
  let bucketCount = 0

  before(async () => {
    url = await startS3Mock({ after: (release) => cleanups.push(release) })
    sdk = new SdkClient({
      endpoint: url,
      region: 'us-east-1',
      credentials: { ...CREDENTIALS },
      forcePathStyle: true,
    })
  })
  after(async () => {
    sdk.destroy()
    for (const cleanup of cleanups.reverse()) await cleanup()
  })

  async function newBucket(): Promise<string> {
    const bucket = `bucket-${++bucketCount}`
    await sdk.send(new CreateBucketCommand({ Bucket: bucket }))
    return bucket
  }

  function optionsOf(bucket: string, given: Record<string, unknown> = {}) {
    return s3Options.parse({ bucket, endpoint: url, credentials: CREDENTIALS, ...given })
  }

  function directoryOf(t: TestContext): string {
    const directory = mkdtempSync(join(tmpdir(), 's3-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    return directory
  }

  async function opened(
    t: TestContext,
    bucket: string,
    given: Record<string, unknown> = {},
    more: Partial<S3Settings> = {},
  ): Promise<S3Destination> {
    const destination = new S3Destination({
      name: 's3',
      place: 'destinations[0].s3',
      options: optionsOf(bucket, given),
      connectorId: 'site-1',
      batch: {},
      spoolDirectory: directoryOf(t),
      clock: systemClock,
      random: () => 0,
      ...more,
    })
    await destination.open()
    t.after(() => destination.close())
    return destination
  }

  async function objectsIn(bucket: string): Promise<Buffer[]> {
    const { Contents = [] } = await sdk.send(new ListObjectsV2Command({ Bucket: bucket }))
    const objects: Buffer[] = []
    for (const { Key } of Contents) {
      const { Body } = await sdk.send(new GetObjectCommand({ Bucket: bucket, Key }))
      objects.push(Buffer.from((await Body?.transformToByteArray()) ?? []))
    }
    return objects
  }

  /** Sends the messages as one object, in a spool of its own. */
  async function deliver(destination: S3Destination, payloads: readonly Buffer[]): Promise<void> {
    const spool = await destination.spool('c', '0a1b2c3d')
    for (const [offset, payload] of payloads.entries()) {
      assert.ok(spool.take(makeMessage(offset, { receivedAt: NOON, payload })))
    }
    await spool.flush()
    await spool.send({ from: 0, to: payloads.length }, idle)
    await spool.discard()
  }

  const readings = Array.from({ length: 500 }, (_, n) => Buffer.from(`{"n":${n}}`))

  test('a batch that is sent again is one object, as lines and as Parquet', async (t) => {
    for (const format of ['jsonl', 'parquet']) {
      const bucket = await newBucket()
      for (let attempt = 0; attempt < 3; attempt++) {
        await deliver(await opened(t, bucket, { format }), readings)
      }
      const [object = Buffer.alloc(0), ...others] = await objectsIn(bucket)
      assert.equal(others.length, 0)
      const rows =
        format === 'jsonl'
          ? gunzipSync(object).toString().trimEnd().split('\n').length
          : (
              await parquetReadObjects({
                file: new Uint8Array(object).buffer,
                compressors: { GZIP: (bytes) => gunzipSync(bytes) },
              })
            ).length
      assert.equal(rows, 500)
    }
  })

  const PARTS = { multipartBytes: 1_000_000, partBytes: 5 * 1024 * 1024 } as const
  const large = Array.from({ length: 120 }, () => randomBytes(100_000).fill(0xff, 0, 1))

  test('a large object is sent in parts, and once', async (t) => {
    const bucket = await newBucket()
    for (let attempt = 0; attempt < 2; attempt++) {
      await deliver(await opened(t, bucket, {}, PARTS), large)
    }
    const [object = Buffer.alloc(0), ...others] = await objectsIn(bucket)
    assert.equal(others.length, 0)
    assert.equal(gunzipSync(object).toString().trimEnd().split('\n').length, 120)
    assert.equal(await uploadsIn(bucket), 0)
  })

  async function uploadsIn(bucket: string): Promise<number> {
    const { Uploads = [] } = await sdk.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
    return Uploads.length
  }

  // In parts it can't be tried: S3Mock 4.9.1 removes an object when another upload to it is aborted.
  test('If-None-Match alone decides, without asking first', async (t) => {
    const bucket = await newBucket()
    const options = optionsOf(bucket)
    const random = () => 0
    const client = new S3Client({ options, place: 's3', clock: systemClock, random })
    await client.open()
    t.after(() => client.close())
    const uploader = new Uploader({ client, headers: {}, asksFirst: false })
    const different: string[] = []
    for (const content of ['first', 'second']) {
      const file = await SpoolFile.create(directoryOf(t), 'one')
      await file.append(Buffer.from(content.repeat(1_000)))
      const object = {
        key: 'channel=c/one',
        file,
        contentType: 'application/gzip',
        identity: { 'first-offset': '0' },
        facts: {},
        onDifferent: (detail: string) => different.push(detail),
      }
      await uploader.store(object, {}, idle)
      await file.remove()
    }
    const [object, ...others] = await objectsIn(bucket)
    assert.equal(object?.toString(), 'first'.repeat(1_000))
    assert.equal(others.length, 0)
    assert.equal(different.length, 1)
  })

  test('a check stores nothing, and names a bucket that is missing', async (t) => {
    const bucket = await newBucket()
    const notices: Notice[] = []
    const reports = { noticed: (_: string, notice: Notice) => notices.push(notice), spoolGrew() {} }
    await (await opened(t, bucket, {}, { reports })).check(idle)
    assert.deepEqual(await objectsIn(bucket), [])
    assert.equal(await uploadsIn(bucket), 0)
    await assert.rejects((await opened(t, 'no-such-bucket')).check(idle), {
      code: 'DestinationMissing',
      message: /Create the bucket/,
    })
  })
})
