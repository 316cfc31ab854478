/** Kinesis and Firehose destinations against moto, behind a gate that fails as they do. */
import { CreateDeliveryStreamCommand, FirehoseClient } from '@aws-sdk/client-firehose'
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3'
import { FirehoseDestination } from '../../../src/destinations/firehose/destination.ts'
import { firehoseOptions } from '../../../src/destinations/firehose/options.ts'
import { KinesisDestination } from '../../../src/destinations/kinesis/destination.ts'
import { kinesisOptions } from '../../../src/destinations/kinesis/options.ts'
import type { PeerUnderTest, Received } from '../../contract/destination-under-test.ts'
import { MOTO_CREDENTIALS, MOTO_REGION, type Moto } from '../servers/moto.ts'
import type { Cleanup } from '../servers/server-process.ts'
import { clock } from './destination-under-test.ts'
import { type GateRecord, RecordsGate, textOf } from './records-gate.ts'
import { PATIENT_MS } from './timeouts.ts'

export interface Row {
  readonly connector: string
  readonly channel: string
  readonly log_id: string
  readonly offset: number
  readonly topic: string
  readonly message_id: string
  readonly payload?: unknown
}

export interface RecordsSetup<Made> {
  readonly destination: Made
  readonly gate: RecordsGate
  readonly name: string
  /** What moto has, in order: read with AWS's SDK. */
  stored(): Promise<string[]>
}

type Given = Readonly<Record<string, unknown>>

let created = 0

function sdkSettings(endpoint: string) {
  // A copy: the SDK adds members to it.
  return { endpoint, region: MOTO_REGION, credentials: { ...MOTO_CREDENTIALS } }
}

function settingsFor<Options>(kind: string, options: Options) {
  return {
    name: kind,
    place: `destinations[0].${kind}`,
    options,
    connectorId: 'connector-1',
    batch: {},
    spoolDirectory: '',
    clock,
    random: () => 0.01,
  }
}

function optionsAt(endpoint: string, given: Given): Given {
  return {
    endpoint,
    region: MOTO_REGION,
    timeout: PATIENT_MS,
    credentials: MOTO_CREDENTIALS,
    ...given,
  }
}

export function kinesisAt(endpoint: string, stream: string, given: Given = {}): KinesisDestination {
  const options = kinesisOptions.parse({ stream, ...optionsAt(endpoint, given) })
  return new KinesisDestination(settingsFor('kinesis', options))
}

export function firehoseAt(endpoint: string, name: string, given: Given = {}): FirehoseDestination {
  const options = firehoseOptions.parse({ deliveryStream: name, ...optionsAt(endpoint, given) })
  return new FirehoseDestination(settingsFor('firehose', options))
}

export function kinesisSdk(t: Cleanup, endpoint: string): KinesisClient {
  // Kinesis's client speaks HTTP/2, which moto does not. Firehose's speaks HTTP/1.1.
  const { requestHandler } = firehoseSdk(t, endpoint).config
  return new KinesisClient({ ...sdkSettings(endpoint), maxAttempts: 1, requestHandler })
}

export function firehoseSdk(t: Cleanup, endpoint: string): FirehoseClient {
  const client = new FirehoseClient({ ...sdkSettings(endpoint), maxAttempts: 1 })
  t.after(() => client.destroy())
  return client
}

/** A stream with two shards. */
export async function kinesisSetup(
  t: Cleanup,
  moto: Moto,
  given: Given = {},
): Promise<RecordsSetup<KinesisDestination>> {
  const gate = await RecordsGate.start(t, moto.url)
  const sdk = kinesisSdk(t, moto.url)
  const name = `plant-${created++}`
  await sdk.send(new CreateStreamCommand({ StreamName: name, ShardCount: 2 }))
  return {
    destination: kinesisAt(gate.url, name, given),
    gate,
    name,
    stored: () => readStream(sdk, name),
  }
}

async function readStream(sdk: KinesisClient, StreamName: string): Promise<string[]> {
  const { Shards = [] } = await sdk.send(new ListShardsCommand({ StreamName }))
  const texts: string[] = []
  for (const { ShardId } of Shards) {
    const from = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
    let { ShardIterator } = await sdk.send(new GetShardIteratorCommand(from))
    for (;;) {
      const found = await sdk.send(new GetRecordsCommand({ ShardIterator }))
      const records = found.Records ?? []
      texts.push(...records.map(({ Data = new Uint8Array() }) => Buffer.from(Data).toString()))
      if (records.length === 0) break
      ShardIterator = found.NextShardIterator
    }
  }
  return texts
}

/** A Firehose stream that writes to a bucket of its own. */
export async function firehoseSetup(
  t: Cleanup,
  moto: Moto,
  given: Given = {},
): Promise<RecordsSetup<FirehoseDestination>> {
  const gate = await RecordsGate.start(t, moto.url)
  const s3 = new S3Client({ ...sdkSettings(moto.url), forcePathStyle: true })
  t.after(() => s3.destroy())
  const name = `plant-${created++}`
  await s3.send(new CreateBucketCommand({ Bucket: name }))
  await firehoseSdk(t, moto.url).send(
    new CreateDeliveryStreamCommand({
      DeliveryStreamName: name,
      ExtendedS3DestinationConfiguration: {
        RoleARN: 'arn:aws:iam::123456789012:role/firehose',
        BucketARN: `arn:aws:s3:::${name}`,
      },
    }),
  )
  return {
    destination: firehoseAt(gate.url, name, given),
    gate,
    name,
    stored: () => readBucket(s3, name),
  }
}

/** The content of each object: one for each request. Their order is not known. */
async function readBucket(s3: S3Client, Bucket: string): Promise<string[]> {
  const texts: string[] = []
  let ContinuationToken: string | undefined
  do {
    const list = await s3.send(new ListObjectsV2Command({ Bucket, ContinuationToken }))
    for (const { Key } of list.Contents ?? []) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }))
      texts.push((await Body?.transformToString()) ?? '')
    }
    ContinuationToken = list.NextContinuationToken
  } while (ContinuationToken !== undefined)
  return texts
}

/** Rows in the order of their offsets: Firehose keeps no order, and a stream has shards. */
export async function rowsOf({ stored }: Pick<RecordsSetup<unknown>, 'stored'>): Promise<Row[]> {
  return (await stored())
    .flatMap((text) => text.split('\n'))
    .filter((line) => line !== '')
    .map((line): Row => JSON.parse(line))
}

export function rowIn(record: GateRecord): Row {
  return JSON.parse(textOf(record))
}

export function peerOf(setup: RecordsSetup<unknown>, keepsOrder: boolean): PeerUnderTest {
  const { gate } = setup
  const set = (fault: RecordsGate['fault']) => () => gate.set(fault)
  return {
    async received(channel) {
      const rows = (await rowsOf(setup)).filter((row) => row.channel === channel)
      if (!keepsOrder) rows.sort((a, b) => a.offset - b.offset)
      return rows.map(receivedIn)
    },
    hang: set('hang'),
    fail: set('fail'),
    deny: set('deny'),
    miss: set('miss'),
    loseAnswers: set('lose-answers'),
    recover() {
      gate.set(undefined)
      gate.delayMs = 0
    },
    reached: () => gate.reached(),
    refuse(forGood, forNow) {
      gate.failing = (record) => {
        const id = rowIn(record).message_id
        if (forGood.includes(id)) return { code: 'RecordRefused', message: 'Never.' }
        if (!forNow.includes(id)) return undefined
        return { code: 'InternalFailure', message: 'Not now.' }
      }
    },
    poison(messageIds) {
      gate.refusing = ({ body }) => {
        const at = (body.Records ?? []).findIndex((one) =>
          messageIds.includes(rowIn(one).message_id),
        )
        return at === -1 ? undefined : recordRefused(at)
      }
    },
    slow(delayMs) {
      gate.delayMs = delayMs
    },
  }
}

function receivedIn({ message_id, payload }: Row): Received {
  return { messageId: message_id, payload: Buffer.from(JSON.stringify(payload)) }
}

export function recordRefused(at: number) {
  return {
    status: 400,
    code: 'ValidationException',
    message: `1 validation error detected: Value at 'records.${at + 1}.member.data' failed to satisfy constraint: Member must have length less than or equal to 1048576`,
  }
}
