/** The destination s3 with moto, for rounds. */
import { gunzipSync } from 'node:zlib'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3'
import {
  MOTO_CREDENTIALS,
  MOTO_REGION,
  skipWithoutMoto,
  startMoto,
} from '../../../support/servers/moto.ts'
import type { PeerRow, RoundKind } from '../peer.ts'

const BUCKET = 'rounds'

interface Row {
  readonly log_id: string
  readonly offset: number
  readonly payload: string
}

export const s3Kind: RoundKind = {
  name: 's3',
  skip: skipWithoutMoto,
  isExactlyOnce: true,
  async start(t) {
    const moto = await startMoto(t)
    const sdk = new S3Client({
      endpoint: moto.url,
      region: MOTO_REGION,
      // The client adds to the object.
      credentials: { ...MOTO_CREDENTIALS },
      forcePathStyle: true,
    })
    t.after(() => sdk.destroy())
    await sdk.send(new CreateBucketCommand({ Bucket: BUCKET }))
    return {
      port: moto.port,
      entry: (port) => ({
        s3: {
          bucket: BUCKET,
          prefix: 'raw',
          endpoint: `http://127.0.0.1:${port}`,
          region: MOTO_REGION,
          credentials: MOTO_CREDENTIALS,
          timeout: '1s',
          maxAttempts: 1,
        },
        batch: { messages: 500, interval: '50ms' },
      }),
      rows: async () => rowsIn(sdk),
    }
  },
}

async function rowsIn(sdk: S3Client): Promise<PeerRow[]> {
  const rows: PeerRow[] = []
  let token: string | undefined
  do {
    const list = new ListObjectsV2Command({ Bucket: BUCKET, ContinuationToken: token })
    const { Contents = [], NextContinuationToken } = await sdk.send(list)
    for (const { Key } of Contents) {
      const { Body } = await sdk.send(new GetObjectCommand({ Bucket: BUCKET, Key }))
      const lines = gunzipSync(Buffer.from((await Body?.transformToByteArray()) ?? []))
      for (const line of lines.toString().trimEnd().split('\n')) {
        const { log_id: logId, offset, payload } = JSON.parse(line) as Row
        rows.push({ logId, offset, payload: Buffer.from(payload) })
      }
    }
    token = NextContinuationToken
  } while (token !== undefined)
  return rows
}
