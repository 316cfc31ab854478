/** The Parquet files of channels in S3 (moto), with AWS's own client as the other opinion. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client as SdkClient,
} from '@aws-sdk/client-s3'
import { writeCatalogue } from '../../src/analytics/tables/catalogue.ts'
import { finalFiles } from '../../src/analytics/tables/compaction-plan.ts'
import { fileSum } from '../../src/analytics/tables/file-sum.ts'
import { tableFilePath } from '../../src/analytics/tables/table-file.ts'
import { listTable } from '../../src/analytics/tables/table-listing.ts'
import { tableDirectory } from '../../src/analytics/tables/table-location.ts'
import { uploadOptions } from '../../src/analytics/uploads/options.ts'
import {
  TableUploads,
  type TableUploadsOptions,
} from '../../src/analytics/uploads/table-uploads.ts'
import { silentObserver } from '../../src/observer.ts'
import { S3Gate } from '../support/destinations/s3-gate.ts'
import { PATIENT_MS } from '../support/destinations/timeouts.ts'
import { temporaryDirectory } from '../support/disk/disk-stores.ts'
import { ManualClock } from '../support/manual-clock.ts'
import {
  MOTO_CREDENTIALS,
  MOTO_REGION,
  type Moto,
  skipWithoutMoto,
  startMoto,
} from '../support/servers/moto.ts'

const TABLE = 'tables/press'
const LOG = '0a1b2c3d'

describe('uploads of tables', { skip: skipWithoutMoto }, () => {
  const cleanups: (() => unknown)[] = []
  let moto: Moto
  let sdk: SdkClient
  let buckets = 0

  before(async () => {
    moto = await startMoto({ after: (fn) => cleanups.push(fn as () => unknown) })
    sdk = new SdkClient({
      endpoint: moto.url,
      region: MOTO_REGION,
      credentials: { ...MOTO_CREDENTIALS },
      forcePathStyle: true,
    })
  })
  after(async () => {
    sdk.destroy()
    for (const cleanup of cleanups.reverse()) await cleanup()
  })

  async function rigOf(t: TestContext, wanted: Partial<TableUploadsOptions> = {}) {
    const directory = await temporaryDirectory(t)
    const bucket = `uploads-${++buckets}`
    await sdk.send(new CreateBucketCommand({ Bucket: bucket }))
    const gate = await new S3Gate(moto.port).start(t)
    // The service checks how old a signature is.
    const clock = new ManualClock()
    const uploaded: number[] = []
    const failed: string[] = []
    const figures = { waiting: 0, lost: 0 }
    const options = uploadOptions.parse({
      bucket,
      prefix: 'raw/plant',
      region: MOTO_REGION,
      endpoint: gate.url,
      credentials: MOTO_CREDENTIALS,
      timeout: PATIENT_MS,
      maxAttempts: 1,
    })
    const open = () => {
      const uploads = new TableUploads({
        directory,
        connectorId: 'site-1',
        options,
        place: 'analytics.tables.upload',
        clock,
        random: () => 0,
        observer: {
          ...silentObserver,
          tableUploaded: (_channel, { bytes }) => void uploaded.push(bytes),
          uploadFailed: (_channel, { code, message }) => void failed.push(`${code}: ${message}`),
          uploadsWait: (_channel, files) => {
            figures.waiting += files
          },
          uploadsLost: (_channel, files) => {
            figures.lost += files
          },
        },
        ...wanted,
      })
      t.after(() => uploads.close())
      return uploads
    }
    const add = async (
      day: string,
      first: number,
      content: string | Buffer = `${day}-${first}`,
    ) => {
      const path = tableFilePath({ day, logId: LOG, first, end: first + 10 })
      const whole = join(tableDirectory(directory, TABLE), path)
      mkdirSync(dirname(whole), { recursive: true })
      writeFileSync(whole, content)
      chmodSync(whole, 0o444)
      return { path, whole }
    }
    const offerAll = async (uploads: TableUploads) => {
      const { files } = await listTable(directory, TABLE)
      await uploads.offer(TABLE, files, finalFiles(files, clock.now()))
    }
    const keys = async () => {
      const { Contents = [] } = await sdk.send(new ListObjectsV2Command({ Bucket: bucket }))
      return Contents.map(({ Key = '' }) => Key)
    }
    const contentOf = async (key: string) => {
      const { Body } = await sdk.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
      return Buffer.from((await Body?.transformToByteArray()) ?? [])
    }
    return {
      directory,
      bucket,
      gate,
      clock,
      uploaded,
      failed,
      figures,
      open,
      add,
      offerAll,
      keys,
      contentOf,
    }
  }

  const keyOf = (path: string) => `raw/plant/channel=press/${path}`

  test('a final file is stored as it is, once, with its origin', async (t) => {
    const { bucket, uploaded, figures, open, add, offerAll, keys, contentOf } = await rigOf(t)
    const { path } = await add('2020-10-15', 0)
    const uploads = open()
    await offerAll(uploads)
    const waitingDay = uploads.firstWaitingDay(TABLE)

    await uploads.check()
    await offerAll(uploads)
    await uploads.check()

    assert.equal(waitingDay, '2020-10-15')
    assert.equal(uploads.firstWaitingDay(TABLE), undefined)
    assert.deepEqual(await keys(), [keyOf(path)])
    assert.equal(String(await contentOf(keyOf(path))), '2020-10-15-0')
    assert.deepEqual([uploaded, figures], [[12], { waiting: 0, lost: 0 }])
    const { Metadata, ContentType } = await sdk.send(
      new HeadObjectCommand({ Bucket: bucket, Key: keyOf(path) }),
    )
    assert.equal(ContentType, 'application/vnd.apache.parquet')
    assert.equal(Metadata?.['connector'], 'site-1')
    assert.equal(Metadata?.['log-id'], LOG)
  })

  test('after a restart, what was offered is still fixed, and what is stored is not sent again', async (t) => {
    const { gate, open, add, offerAll, keys } = await rigOf(t)
    const one = await add('2020-10-15', 0)
    const first = open()
    await offerAll(first)
    await first.check()
    const two = await add('2020-10-16', 10)
    await offerAll(first)
    await first.close()

    const second = open()
    const fixed = await second.fixedIn(TABLE)
    const puts = gate.methods.filter((method) => method === 'PUT').length
    await second.check()

    assert.deepEqual([...fixed].sort(), [one.path, two.path])
    assert.equal(gate.methods.filter((method) => method === 'PUT').length, puts + 1)
    assert.deepEqual(await keys(), [keyOf(one.path), keyOf(two.path)])
  })

  test('an answer that is lost leads to no second object', async (t) => {
    const { gate, clock, failed, open, add, offerAll, keys, figures } = await rigOf(t)
    await add('2020-10-15', 0)
    const uploads = open()
    await offerAll(uploads)
    let isLost = false
    gate.rule = ({ method }) => {
      if (method !== 'PUT' || isLost) return undefined
      isLost = true
      return { do: 'lose' }
    }

    const delayMs = await uploads.check()
    clock.advance(delayMs)
    await uploads.check()

    assert.ok(delayMs >= 1_000)
    assert.equal(failed.length, 1)
    assert.equal((await keys()).length, 1)
    assert.equal(figures.waiting, 0)
    assert.equal(gate.methods.filter((method) => method === 'PUT').length, 1)
  })

  test('during an outage files wait, with growing delays, and go out in the order of their days', async (t) => {
    const { gate, failed, open, add, offerAll, keys } = await rigOf(t)
    const files = [
      await add('2020-10-16', 0),
      await add('2020-10-15', 10),
      await add('2020-10-17', 20),
    ]
    const uploads = open()
    await offerAll(uploads)
    gate.rule = () => ({ do: 'error', status: 503, headers: {}, body: '' })

    const delays = [await uploads.check(), await uploads.check(), await uploads.check()]
    gate.rule = () => undefined
    gate.seen.length = 0
    await uploads.check()

    const [first = 0, second = 0, third = 0] = delays
    assert.ok(first < second && second < third, String(delays))
    assert.match(failed[0] ?? '', /^DestinationUnavailable: /)
    assert.equal((await keys()).length, 3)
    const stored = gate.seen.filter(({ method }) => method === 'PUT').map(({ url }) => url)
    assert.deepEqual(
      stored.map((url) => /__dt(?:=|%3D)([\d-]+)/.exec(url)?.[1]),
      ['2020-10-15', '2020-10-16', '2020-10-17'],
    )
    assert.equal(files.length, 3)
  })

  test('a large file is sent in parts, and after a failure from where it stopped', async (t) => {
    const part = 5 * 1024 * 1024
    const rig = await rigOf(t, { multipartBytes: part, partBytes: part })
    const { bucket, gate, open, add, offerAll, contentOf, failed } = rig
    const content = Buffer.alloc(2 * part + 100, 'parquet ')
    const { path } = await add('2020-10-15', 0, content)
    const uploads = open()
    await offerAll(uploads)
    gate.rule = ({ url }) =>
      url.includes('partNumber=2') ? { do: 'error', status: 503, headers: {}, body: '' } : undefined

    await uploads.check()
    gate.rule = () => undefined
    gate.seen.length = 0
    await uploads.check()

    assert.equal(failed.length, 1, failed.join('\n'))
    assert.ok((await contentOf(keyOf(path))).equals(content))
    const parts = gate.seen.flatMap(({ url }) => /partNumber=(\d)/.exec(url)?.[1] ?? [])
    assert.deepEqual(parts, ['2', '3'])
    const { Uploads = [] } = await sdk.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
    assert.deepEqual(Uploads, [])
  })

  test('a file that the disk has changed is not uploaded, and does not hold up the others', async (t) => {
    const { directory, failed, open, add, offerAll, keys, figures } = await rigOf(t)
    const good = await add('2020-10-16', 10)
    const bad = await add('2020-10-15', 0)
    const factsOf = async ({ whole }: { whole: string }) => ({
      ...(await fileSum(whole)),
      rows: 10,
      drift: {},
    })
    const files = new Map([
      [good.path, await factsOf(good)],
      [bad.path, { ...(await factsOf(bad)), crc32: '00000000' }],
    ])
    await writeCatalogue(directory, TABLE, { columns: [], files })
    const uploads = open()
    await offerAll(uploads)

    await uploads.check()

    assert.deepEqual(await keys(), [keyOf(good.path)])
    assert.match(failed.join(), /DataDamaged: .*2020-10-15.* Run doctor/)
    assert.equal(figures.waiting, 1)
  })

  test('files that were removed before they were uploaded are counted as lost', async (t) => {
    const { gate, open, add, offerAll, figures, keys } = await rigOf(t)
    const { whole } = await add('2020-10-15', 0)
    await add('2020-10-16', 10)
    const uploads = open()
    await offerAll(uploads)
    gate.rule = () => ({ do: 'error', status: 503, headers: {}, body: '' })
    await uploads.check()

    rmSync(whole)
    gate.rule = () => undefined
    await uploads.check()
    await offerAll(uploads)

    assert.deepEqual(figures, { waiting: 0, lost: 1 })
    assert.equal((await keys()).length, 1)
  })

  test('if the record is damaged, no file is stored twice or replaced', async (t) => {
    const { directory, gate, open, add, offerAll, keys, uploaded } = await rigOf(t)
    await add('2020-10-15', 0)
    const first = open()
    await offerAll(first)
    await first.check()
    await first.close()
    const record = join(tableDirectory(directory, TABLE), '_uploads.json')
    writeFileSync(record, readFileSync(record).subarray(0, 20))

    const second = open()
    await second.fixedIn(TABLE)
    gate.seen.length = 0
    await second.check()

    assert.equal((await keys()).length, 1)
    assert.deepEqual(gate.methods, ['HEAD'])
    assert.equal(uploaded.length, 2)
    assert.deepEqual((await listTable(directory, TABLE)).unknown, [])
  })
})
