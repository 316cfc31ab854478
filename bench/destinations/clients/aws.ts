/** AWS's own clients. */
import { promisify } from 'node:util'
import { gzip, gzipSync, type ZlibOptions } from 'node:zlib'
import { FirehoseClient, PutRecordBatchCommand } from '@aws-sdk/client-firehose'
import { BatchPutMessageCommand, IoTAnalyticsClient } from '@aws-sdk/client-iotanalytics'
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { AWS_SETTINGS, type Client, type ClientMaker, CONNECTOR, LOG_ID, rowOf } from './client.ts'

const compress = promisify<string, ZlibOptions, Buffer>(gzip)
const LEVEL = 1
const ROW_GROUP = 8_000

export const s3Lines: ClientMaker = async ({ url, target }, lane) => {
  return storing(url, target, async (items) => {
    const lines = items.map((item) => rowOf(item, lane))
    return await compress(`${lines.join('\n')}\n`, { level: LEVEL })
  })
}

export const s3Parquet: ClientMaker = async ({ url, target }, lane) => {
  return storing(url, target, async (items) => {
    const same = (text: string) => new Array<string>(items.length).fill(text)
    const texts = (name: string, data: string[]) => ({ name, data, type: 'STRING' as const })
    const file = parquetWriteBuffer({
      codec: 'GZIP',
      compressors: { GZIP: (bytes) => gzipSync(bytes, { level: LEVEL }) },
      rowGroupSize: ROW_GROUP,
      columnData: [
        texts('connector', same(CONNECTOR)),
        texts('channel', same(`readings_${lane}`)),
        texts('log_id', same(LOG_ID)),
        { name: 'offset', data: items.map(({ offset }) => BigInt(offset)), type: 'INT64' },
        {
          name: 'arrival_time',
          data: items.map(({ receivedAt }) => new Date(receivedAt)),
          type: 'TIMESTAMP',
        },
        texts(
          'topic',
          items.map(({ topic }) => topic),
        ),
        texts(
          'message_id',
          items.map(({ offset }) => `${LOG_ID}-${offset}`),
        ),
        texts('content_type', same('application/json')),
        texts(
          'payload',
          items.map(({ payload }) => payload),
        ),
      ],
    })
    return Buffer.from(file)
  })
}

function storing(
  endpoint: string,
  Bucket: string,
  encode: (items: Parameters<Client['send']>[0]) => Promise<Buffer>,
): Client {
  const sdk = new S3Client({ ...AWS_SETTINGS, endpoint, forcePathStyle: true })
  return {
    async send(items) {
      const Key = `raw/${items[0]?.offset}`
      await sdk.send(new PutObjectCommand({ Bucket, Key, Body: await encode(items) }))
    },
    close: async () => sdk.destroy(),
  }
}

export const kinesis: ClientMaker = async ({ url, target }, lane) => {
  // By default it speaks HTTP/2; the connector and the peer speak HTTP/1.1.
  const { requestHandler } = new FirehoseClient({ ...AWS_SETTINGS, endpoint: url }).config
  const sdk = new KinesisClient({ ...AWS_SETTINGS, endpoint: url, requestHandler })
  return {
    async send(items) {
      const Records = items.map((item) => ({
        Data: Buffer.from(rowOf(item, lane)),
        PartitionKey: item.topic,
      }))
      const answer = await sdk.send(new PutRecordsCommand({ StreamName: target, Records }))
      expectNone(answer.FailedRecordCount)
    },
    close: async () => sdk.destroy(),
  }
}

export const firehose: ClientMaker = async ({ url, target }, lane) => {
  const sdk = new FirehoseClient({ ...AWS_SETTINGS, endpoint: url })
  return {
    async send(items) {
      const Records = items.map((item) => ({ Data: Buffer.from(`${rowOf(item, lane)}\n`) }))
      const put = new PutRecordBatchCommand({ DeliveryStreamName: target, Records })
      const answer = await sdk.send(put)
      expectNone(answer.FailedPutCount)
    },
    close: async () => sdk.destroy(),
  }
}

export const batchPutMessage: ClientMaker = async ({ url }, lane) => {
  const sdk = new IoTAnalyticsClient({ ...AWS_SETTINGS, endpoint: url })
  return {
    async send(items) {
      const messages = items.map(({ offset, payload }) => ({
        messageId: `${LOG_ID}-${offset}`,
        payload: Buffer.from(payload),
      }))
      const put = new BatchPutMessageCommand({ channelName: `readings_${lane}`, messages })
      const answer = await sdk.send(put)
      expectNone(answer.batchPutMessageErrorEntries?.length)
    },
    close: async () => sdk.destroy(),
  }
}

function expectNone(failed: number | undefined): void {
  if (failed !== 0) throw new Error(`${failed} messages were not accepted`)
}
