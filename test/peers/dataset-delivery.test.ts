/** Contents of datasets delivered to S3, as moto has it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CreateBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { DatasetRig, definitionOf } from '../support/analytics/dataset-rig.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import {
  MOTO_CREDENTIALS,
  MOTO_REGION,
  skipWithoutMoto,
  startMoto,
} from '../support/servers/moto.ts'
import { until } from '../support/until.ts'

const roleArn = 'arn:aws:iam::000000000000:role/analytics'

test('content is an object in the bucket, as soon as the bucket is there', {
  skip: skipWithoutMoto,
}, async (t) => {
  const { url } = await startMoto(t)
  const s3 = { endpoint: url, region: MOTO_REGION, credentials: { ...MOTO_CREDENTIALS } }
  const sdk = new S3Client({ ...s3, credentials: { ...MOTO_CREDENTIALS }, forcePathStyle: true })
  t.after(() => sdk.destroy())
  const options = { buckets: { reports: { s3 } } }
  const rig = await new DatasetRig({ directory: await temporaryDirectory(t), options }).open()
  t.after(() => rig.datasets.close())
  rig.rows.rows.push({ id: 7, time: 0, arrived: 0 })
  const key = 'daily/!{iotanalytics:versionId}.csv'
  const destination = { s3DestinationConfiguration: { bucket: 'reports', key, roleArn } }
  await rig.define('all', definitionOf({ contentDeliveryRules: [{ destination }] }))
  const version = await rig.made('all')
  await until('the bucket is missed', () => rig.failures.length > 0)
  const { code, message } = rig.failures[0] ?? {}
  await sdk.send(new CreateBucketCommand({ Bucket: 'reports' }))

  rig.clock.advance(20_000)
  const get = () =>
    sdk.send(new GetObjectCommand({ Bucket: 'reports', Key: `daily/${version}.csv` }))
  await until('it is delivered', () =>
    get().then(
      () => true,
      () => false,
    ),
  )

  assert.equal(code, 'DestinationMissing', message)
  const { Body, Metadata } = await get()
  assert.equal(await Body?.transformToString(), '"id"\n"7"\n')
  assert.deepEqual(Metadata, { dataset: 'all', version })
})
