/** examples/s3.yaml as a program, with moto as S3. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3'
import { parquetReadObjects } from 'hyparquet'
import { connectAsync } from 'mqtt'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { MOTO_CREDENTIALS, skipWithoutMoto, startMoto } from '../support/servers/moto.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const BUCKET = 'plant-3-telemetry'
const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: MOTO_CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: MOTO_CREDENTIALS.secretAccessKey,
}

test('examples/s3.yaml stores a message as a row with typed columns', {
  skip: skipWithoutMoto,
}, async (t) => {
  const moto = await startMoto(t)
  const sdk = new S3Client({
    endpoint: moto.url,
    region: 'eu-west-1',
    // The client adds to the object.
    credentials: { ...MOTO_CREDENTIALS },
    forcePathStyle: true,
  })
  t.after(() => sdk.destroy())
  const config = join(root, 'examples', 's3.yaml')
  const directory = await temporaryDirectory(t)
  const settings = [
    `destinations[0].s3.endpoint=${moto.url}`,
    'destinations[0].batch.interval=100ms',
  ]
  const args = [
    ...['--config', config, '--data', directory],
    ...settings.flatMap((setting) => ['--set', setting]),
  ]
  const missing = await checked(t, args)
  assert.notEqual(missing.code, 0)
  assert.match(missing.stdout + missing.stderr, /NoSuchBucket.*Create the bucket/s)
  const location = { LocationConstraint: 'eu-west-1' } as const
  await sdk.send(new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: location }))
  const found = await checked(t, args)
  assert.equal(found.code, 0, found.stderr)

  const connector = await new ConnectorProcess(t, args, { env: ENVIRONMENT }).started()
  const client = await connectAsync(connector.mqttUrl)
  t.after(() => client.endAsync(true))
  const topic = 'iotanalytics/channels/boiler/messages/binary/put'
  await client.publishAsync(topic, '{"temperature":23.5,"on":true}', { qos: 1 })

  let key: string | undefined
  await until('an object is there', async () => {
    const { Contents = [] } = await sdk.send(new ListObjectsV2Command({ Bucket: BUCKET }))
    key = Contents[0]?.Key
    return key !== undefined
  })
  assert.match(key ?? '', /^raw\/plant-3\/channel=boiler\/dt=\d{4}-\d\d-\d\d\/[^/]+\.parquet$/)
  const { Body } = await sdk.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }))
  const [row] = await parquetReadObjects({
    file: new Uint8Array((await Body?.transformToByteArray()) ?? []).buffer,
    compressors: { GZIP: (input) => gunzipSync(input) },
  })
  assert.equal(row?.['temperature'], 23.5)
  assert.equal(row?.['on'], true)
  assert.equal(row?.['payload'], '{"temperature":23.5,"on":true}')
})

function checked(t: TestContext, args: readonly string[]) {
  return runCommand(t, ['check', ...args, '--connect'], { env: ENVIRONMENT })
}
