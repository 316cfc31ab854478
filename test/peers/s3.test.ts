/** The destination s3 against moto, with AWS's own client as the other opinion. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client as SdkClient,
} from '@aws-sdk/client-s3'
import { parquetReadObjects } from 'hyparquet'
import { systemClock } from '../../src/clock.ts'
import { S3Destination, type S3Settings } from '../../src/destinations/s3/destination.ts'
import { s3Options } from '../../src/destinations/s3/options.ts'
import { ConnectorError } from '../../src/errors.ts'
import type { Message } from '../../src/message.ts'
import type { Notice } from '../../src/observer.ts'
import { destinationContract, type PeerUnderTest } from '../contract/destination.contract.ts'
import { batchOf, makeMessage } from '../support/channels/batch-maker.ts'
import { type GateRule, S3Gate } from '../support/destinations/s3-gate.ts'
import { PATIENT_MS } from '../support/destinations/timeouts.ts'
import {
  MOTO_CREDENTIALS,
  MOTO_REGION,
  type Moto,
  skipWithoutMoto,
  startMoto,
} from '../support/servers/moto.ts'
import { until } from '../support/until.ts'

const NOON = Date.UTC(2026, 10, 29, 12)
const DAY_MS = 86_400_000
const idle = new AbortController().signal
const XML = (code: string, more = '') =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>said ${code}</Message>${more}</Error>`

describe('s3', { skip: skipWithoutMoto }, () => {
  const cleanups: (() => unknown)[] = []
  let moto: Moto
  let sdk: SdkClient
  let bucketCount = 0

  before(async () => {
    moto = await startMoto({ after: (fn) => cleanups.push(fn as () => unknown) })
    sdk = new SdkClient({
      endpoint: moto.url,
      region: MOTO_REGION,
      // The client adds to the object.
      credentials: { ...MOTO_CREDENTIALS },
      forcePathStyle: true,
    })
  })
  after(async () => {
    sdk.destroy()
    for (const cleanup of cleanups.reverse()) await cleanup()
  })

  interface Rig {
    readonly destination: S3Destination
    readonly gate: S3Gate
    readonly bucket: string
    readonly spoolDirectory: string
  }

  interface Wanted extends Partial<S3Settings> {
    readonly given?: Record<string, unknown>
    readonly bucket?: string
  }

  async function rigOf(t: TestContext, wanted: Wanted = {}): Promise<Rig> {
    const { given = {}, bucket = `bucket-${++bucketCount}`, ...settings } = wanted
    if (wanted.bucket === undefined) await sdk.send(new CreateBucketCommand({ Bucket: bucket }))
    const gate = await new S3Gate(moto.port).start(t)
    const directory = mkdtempSync(join(tmpdir(), 's3-'))
    const spoolDirectory = join(directory, 'spool')
    const options = s3Options.parse({
      bucket,
      region: MOTO_REGION,
      endpoint: gate.url,
      credentials: MOTO_CREDENTIALS,
      timeout: PATIENT_MS,
      ...given,
    })
    const destination = new S3Destination({
      name: 's3',
      place: 'destinations[0].s3',
      options,
      connectorId: 'site-1',
      batch: {},
      spoolDirectory,
      clock: systemClock,
      random: () => 0,
      ...settings,
    })
    await destination.open()
    t.after(async () => {
      await destination.close()
      rmSync(directory, { recursive: true, force: true })
    })
    return { destination, gate, bucket, spoolDirectory }
  }

  async function keysIn(bucket: string): Promise<string[]> {
    const { Contents = [] } = await sdk.send(new ListObjectsV2Command({ Bucket: bucket }))
    return Contents.map(({ Key = '' }) => Key)
  }

  async function bytesOf(bucket: string, key: string): Promise<Buffer> {
    const { Body } = await sdk.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  }

  async function rowsIn(bucket: string): Promise<Record<string, unknown>[]> {
    const rows: Record<string, unknown>[] = []
    for (const key of await keysIn(bucket)) {
      const text = gunzipSync(await bytesOf(bucket, key)).toString()
      for (const line of text.split('\n')) if (line !== '') rows.push(JSON.parse(line))
    }
    return rows
  }

  function messages(count: number, given: Partial<Message> = {}, from = 0): Message[] {
    return Array.from({ length: count }, (_, i) =>
      makeMessage(from + i, { receivedAt: NOON + i, ...given }),
    )
  }

  function codeIs(code: string, text: RegExp) {
    return (error: unknown) => {
      assert.ok(error instanceof ConnectorError, String(error))
      assert.equal(error.code, code, error.message)
      assert.equal(error.effect, 'retry')
      assert.match(error.message, text)
      return true
    }
  }

  async function spooled(rig: Rig, given: readonly Message[], channel = 'c') {
    const spool = await rig.destination.spool(channel, '0a1b2c3d')
    for (const message of given) assert.ok(spool.take(message))
    await spool.flush()
    return spool
  }

  destinationContract('s3', async (t, timeoutMs) => {
    const rig = await rigOf(t, { given: { timeout: timeoutMs, maxAttempts: 1 } })
    const { gate, bucket } = rig
    const always = (rule: GateRule) => () => {
      gate.rule = () => rule
    }
    const peer: PeerUnderTest = {
      received: async (channel) =>
        (await rowsIn(bucket))
          .filter((row) => row['channel'] === channel)
          .map((row) => ({
            messageId: String(row['message_id']),
            payload: Buffer.from(JSON.stringify(row['payload'])),
          })),
      hang: always({ do: 'hang' }),
      fail: always({ do: 'error', status: 503, body: XML('SlowDown') }),
      deny: always({ do: 'error', status: 403, body: XML('AccessDenied') }),
      miss: always({ do: 'error', status: 404, body: XML('NoSuchBucket') }),
      loseAnswers: always({ do: 'lose' }),
      recover: () => {
        gate.rule = () => undefined
      },
      reached: () => until('a request came', () => gate.seen.length > 0),
    }
    return {
      destination: rig.destination,
      peer,
      maxSendMs: timeoutMs + 3_000,
      recognisesResends: true,
    }
  })

  test('an object has the name, the metadata and the type that its reader expects', async (t) => {
    const { destination, bucket } = await rigOf(t, {
      given: { prefix: 'raw/x', storageClass: 'STANDARD_IA', encryption: { type: 'AES256' } },
    })
    await destination.send(batchOf('temperature', messages(3, {}, 7)), idle)

    const key = `raw/x/channel=temperature/dt=2026-11-29/site-1-0a1b2c3d-${'7'.padStart(20, '0')}-${'9'.padStart(20, '0')}.jsonl.gz`
    assert.deepEqual(await keysIn(bucket), [key])
    const head = await sdk.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
    assert.equal(head.ContentType, 'application/gzip')
    assert.equal(head.StorageClass, 'STANDARD_IA')
    assert.equal(head.ServerSideEncryption, 'AES256')
    assert.equal(head.ContentEncoding, undefined)
    assert.equal(head.Metadata?.['log-id'], '0a1b2c3d')
    assert.equal(head.Metadata?.['first-offset'], '7')
    assert.equal(head.Metadata?.['last-offset'], '9')
    assert.equal(head.Metadata?.['rows'], '3')
  })

  test('no object has messages of two days', async (t) => {
    const rig = await rigOf(t)
    const two = [...messages(2), ...messages(2, { receivedAt: NOON + DAY_MS }, 2)]
    const spool = await rig.destination.spool('c', '0a1b2c3d')
    assert.deepEqual(
      two.map((message) => spool.take(message)),
      [true, true, false, false],
    )
    await spool.discard()

    await rig.destination.send(batchOf('c', two), idle)

    const days = (await keysIn(rig.bucket)).map((key) => /dt=([^/]+)/.exec(key)?.[1])
    assert.deepEqual(days, ['2026-11-29', '2026-11-30'])
    assert.equal((await rowsIn(rig.bucket)).length, 4)
  })

  test('a batch that is sent again after a crash finds its object, and no second one', async (t) => {
    const rig = await rigOf(t)
    for (let attempt = 0; attempt < 3; attempt++) {
      const spool = await spooled(rig, messages(50))
      await spool.send({ from: 0, to: 60 }, idle)
      await spool.discard()
    }
    assert.equal((await keysIn(rig.bucket)).length, 1)
    assert.equal((await rowsIn(rig.bucket)).length, 50)
  })

  test('If-None-Match decides also without asking first', async (t) => {
    const rig = await rigOf(t)
    const spool = await spooled(rig, messages(5))
    await spool.send({ from: 0, to: 5 }, idle)
    let heads = 0
    rig.gate.rule = ({ method }) =>
      method === 'HEAD' && heads++ === 0 ? { do: 'error', status: 404 } : undefined
    await spool.send({ from: 0, to: 5 }, idle)
    assert.deepEqual(rig.gate.methods.slice(-3), ['HEAD', 'PUT', 'HEAD'])
    assert.equal(rig.gate.seen.at(-2)?.headers['if-none-match'], '*')
    await spool.discard()
  })

  test('a service that ignores or does not know If-None-Match gets one object too', async (t) => {
    for (const answer of [undefined, { do: 'error', status: 501, body: XML('NotImplemented') }]) {
      const rig = await rigOf(t)
      rig.gate.rule = ({ method, headers }) => {
        if (method !== 'PUT' || headers['if-none-match'] === undefined) return undefined
        return (answer as GateRule | undefined) ?? { do: 'bare' }
      }
      for (let attempt = 0; attempt < 2; attempt++) {
        const spool = await spooled(rig, messages(5))
        await spool.send({ from: 0, to: 5 }, idle)
        await spool.discard()
      }
      assert.equal((await rowsIn(rig.bucket)).length, 5)
      assert.equal(
        rig.gate.methods.filter((method) => method === 'PUT').length,
        answer === undefined ? 1 : 2,
      )
    }
  })

  test('an object of somebody else is never replaced', async (t) => {
    const rig = await rigOf(t)
    const spool = await spooled(rig, messages(5))
    await spool.send({ from: 0, to: 5 }, idle)
    const [key = ''] = await keysIn(rig.bucket)
    await sdk.send(new PutObjectCommand({ Bucket: rig.bucket, Key: key, Body: 'theirs' }))
    await assert.rejects(
      spool.send({ from: 0, to: 5 }, idle),
      codeIs('DestinationUnavailable', /another object has this name.*Nothing was replaced/),
    )
    assert.equal((await bytesOf(rig.bucket, key)).toString(), 'theirs')
    await spool.discard()
  })

  test('an object of the same batch with other bytes stays as it is, and is noticed', async (t) => {
    const notices: Notice[] = []
    const reports = { noticed: (_: string, notice: Notice) => notices.push(notice), spoolGrew() {} }
    const before = await rigOf(t, { given: { format: 'parquet' }, reports })
    const { bucket } = before
    const after = await rigOf(t, {
      bucket,
      given: { format: 'parquet', compression: 'snappy' },
      reports,
    })
    const mixed = [
      ...messages(4_000, { payload: Buffer.from('{"a":1}') }),
      ...messages(1, { payload: Buffer.from('{"a":"x"}') }, 4_000),
    ]
    const sizes: number[] = []
    for (const rig of [before, before, after]) {
      const spool = await spooled(rig, mixed)
      await spool.send({ from: 0, to: 4_001 }, idle)
      await spool.discard()
      sizes.push((await bytesOf(bucket, (await keysIn(bucket))[0] ?? '')).length)
    }
    assert.deepEqual(sizes, new Array(3).fill(sizes[0]))
    assert.deepEqual(
      notices.map(({ code, count }) => [code, count]),
      [['ObjectDiffers', 1]],
    )
    assert.match(notices[0]?.detail ?? '', /with other bytes.*It was left as it is/)
  })

  test('values that do not fit the type of their Parquet column are noticed', async (t) => {
    const notices: [string, Notice][] = []
    const reports = {
      noticed: (channel: string, notice: Notice) => notices.push([channel, notice]),
      spoolGrew() {},
    }
    const rig = await rigOf(t, { given: { format: 'parquet', columns: 'auto' }, reports })
    const values = ['{"a":1,"b":true}', '{"a":"x"}', '{"a":null}', '{"a":{},"b":false}']
    const given = values.map((value, offset) =>
      makeMessage(offset, { receivedAt: NOON, payload: Buffer.from(value) }),
    )
    await rig.destination.send(batchOf('pumps', given), idle)
    assert.deepEqual(
      notices.map(([channel, { code, count }]) => [channel, code, count]),
      [['pumps', 'TypeConflict', 2]],
    )
    assert.match(notices[0]?.[1].detail ?? '', /of 4 rows, 2 values .* became NULL \(a\)/)
  })

  test('a conflict, throttling, damage on the way and a wrong clock are tried again', async (t) => {
    const cases: readonly (readonly [number, string, Record<string, string>?])[] = [
      [409, 'ConditionalRequestConflict'],
      [503, 'SlowDown', { 'retry-after': '0' }],
      [400, 'BadDigest'],
      [500, 'InternalError'],
      [403, 'RequestTimeTooSkewed', { date: new Date(Date.now() + 3_600_000).toUTCString() }],
    ]
    for (const [status, code, headers = {}] of cases) {
      const rig = await rigOf(t)
      let failures = 0
      rig.gate.rule = ({ method }) =>
        method === 'PUT' && failures++ === 0
          ? { do: 'error', status, body: XML(code), headers }
          : undefined
      await rig.destination.send(batchOf('c', messages(3)), idle)
      assert.equal((await rowsIn(rig.bucket)).length, 3, code)
      assert.ok(failures >= 2, code)
    }
  })

  test('what only a person can change keeps the messages, and the error says what it is', async (t) => {
    const region = '<Region>eu-west-1</Region>'
    const cases: readonly (readonly [number, string, string, RegExp, string?])[] = [
      [403, 'AccessDenied', 'DestinationDenied', /Allow s3:PutObject/],
      [403, 'InvalidAccessKeyId', 'DestinationDenied', /Check the access key id/],
      [403, 'SignatureDoesNotMatch', 'DestinationDenied', /secret access key/],
      [404, 'NoSuchBucket', 'DestinationMissing', /Create the bucket/],
      [301, 'PermanentRedirect', 'DestinationDenied', /"region" to eu-west-1/, region],
      [400, 'AuthorizationHeaderMalformed', 'DestinationDenied', /"region" to eu-west-1/, region],
      [400, 'ExpiredToken', 'CredentialsUnavailable', /ExpiredToken/],
      [400, 'InvalidStorageClass', 'DestinationUnavailable', /InvalidStorageClass/],
      [507, 'XMinioStorageFull', 'DestinationUnavailable', /make room/],
    ]
    const rig = await rigOf(t, { given: { maxAttempts: 1 } })
    for (const [status, code, expected, text, more] of cases) {
      const answer = { do: 'error', status, body: XML(code, more) } as const
      rig.gate.rule = ({ method }) => (method === 'HEAD' ? undefined : answer)
      const sent = rig.destination.send(batchOf('c', messages(3)), idle)
      await assert.rejects(sent, codeIs(expected, text))
      await assert.rejects(rig.destination.check(idle), codeIs(expected, text))
    }
    assert.deepEqual(await keysIn(rig.bucket), [])
    assert.deepEqual(readdirSync(rig.spoolDirectory), [])
  })

  const PARTS = { multipartBytes: 1_000_000, partBytes: 5 * 1024 * 1024 } as const

  /** Messages that don't compress, for an object of 12 MB. */
  function largeMessages(): Message[] {
    return Array.from({ length: 120 }, (_, offset) => {
      const payload = randomBytes(100_000)
      payload[0] = 0xff
      return makeMessage(offset, { receivedAt: NOON, payload })
    })
  }

  async function assertLarge(bucket: string, given: readonly Message[]): Promise<void> {
    const rows = await rowsIn(bucket)
    assert.equal(rows.length, given.length)
    for (const [index, message] of given.entries()) {
      assert.equal(rows[index]?.['payload_base64'], message.payload.toString('base64'))
    }
  }

  async function unfinishedIn(bucket: string): Promise<number> {
    const { Uploads = [] } = await sdk.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
    return Uploads.length
  }

  test('a large object is sent in parts, and uploads that a crash left are aborted', async (t) => {
    const rig = await rigOf(t, PARTS)
    const given = largeMessages()
    let spool = await spooled(rig, given)
    rig.gate.rule = ({ url }) => (url.includes('partNumber=2') ? { do: 'cut' } : undefined)
    await assert.rejects(
      spool.send({ from: 0, to: 120 }, idle),
      codeIs('DestinationUnavailable', /part 2/),
    )
    assert.equal(await unfinishedIn(rig.bucket), 1)
    await spool.discard()

    rig.gate.rule = () => undefined
    spool = await spooled(rig, given)
    await spool.send({ from: 0, to: 120 }, idle)
    await assertLarge(rig.bucket, given)
    assert.equal(await unfinishedIn(rig.bucket), 0)
    await spool.discard()
  })

  test('an upload in parts goes on where it was after a failure', async (t) => {
    const rig = await rigOf(t, { ...PARTS, given: { maxAttempts: 1 } })
    const given = largeMessages()
    const spool = await spooled(rig, given)
    let failures = 0
    rig.gate.rule = ({ url }) =>
      url.includes('partNumber=2') && failures++ === 0 ? { do: 'lose' } : undefined
    await assert.rejects(spool.send({ from: 0, to: 120 }, idle))
    await spool.send({ from: 0, to: 120 }, idle)
    const firstParts = rig.gate.seen.filter(({ url }) => url.includes('partNumber=1'))
    assert.equal(firstParts.length, 1)
    await assertLarge(rig.bucket, given)
    await spool.discard()
  })

  test('a completion whose answer is lost, or that fails after its 200, stores one object', async (t) => {
    for (const rule of [{ do: 'lose' }, { do: 'error', status: 200, body: XML('InternalError') }]) {
      const rig = await rigOf(t, { ...PARTS, given: { maxAttempts: 1 } })
      const given = largeMessages()
      const spool = await spooled(rig, given)
      let failures = 0
      rig.gate.rule = ({ method, url }) =>
        method === 'POST' && url.includes('uploadId') && failures++ === 0
          ? (rule as GateRule)
          : undefined
      await assert.rejects(spool.send({ from: 0, to: 120 }, idle))
      await spool.send({ from: 0, to: 120 }, idle)
      await assertLarge(rig.bucket, given)
      await spool.discard()
    }
  })

  test('check stores nothing and leaves no upload', async (t) => {
    const rig = await rigOf(t)
    await rig.destination.check(idle)
    assert.deepEqual(await keysIn(rig.bucket), [])
    assert.equal(await unfinishedIn(rig.bucket), 0)
  })

  test('check says that a bucket is missing, that nothing listens, and that a name is unknown', async (t) => {
    const missing = await rigOf(t, { bucket: 'not-there' })
    await assert.rejects(
      missing.destination.check(idle),
      codeIs('DestinationMissing', /Create the bucket/),
    )
    for (const [endpoint, text] of [
      ['http://127.0.0.1:1', /Nothing listens there: .*destinations\[0\]\.s3\.endpoint/],
      [
        'http://s3.invalid',
        /No name server knows this name: correct destinations\[0\]\.s3\.endpoint/,
      ],
    ] as const) {
      const rig = await rigOf(t, { given: { endpoint, maxAttempts: 1 } })
      await assert.rejects(rig.destination.check(idle), codeIs('DestinationUnavailable', text))
    }
  })

  test('Parquet objects arrive with typed columns', async (t) => {
    const { destination, bucket } = await rigOf(t, {
      given: { format: 'parquet', columns: 'auto' },
    })
    await destination.send(batchOf('c', messages(100)), idle)
    const [key = ''] = await keysIn(bucket)
    assert.match(key, /\.parquet$/)
    const bytes = await bytesOf(bucket, key)
    const rows = await parquetReadObjects({
      file: new Uint8Array(bytes).buffer,
      compressors: { GZIP: (input) => gunzipSync(input) },
    })
    assert.deepEqual(
      rows.map(({ reading }) => reading),
      Array.from({ length: 100 }, (_, index) => index),
    )
  })

  test('a spool that cannot be written keeps the messages, and none of its files stay', async (t) => {
    const rig = await rigOf(t)
    const spool = await spooled(rig, messages(5))
    assert.equal(readdirSync(rig.spoolDirectory).length, 1)
    await rig.destination.close()
    assert.deepEqual(readdirSync(rig.spoolDirectory), [])
    await assert.rejects(
      spool.send({ from: 0, to: 5 }, idle),
      codeIs('StorageFailed', /messages are kept/),
    )
  })
})
