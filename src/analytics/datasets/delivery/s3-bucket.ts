/** A bucket in S3. An object of the same key is replaced, as IoT Analytics does it. */
import { createHash } from 'node:crypto'
import type { Clock } from '../../../clock.ts'
import { s3Options } from '../../../destinations/s3/options.ts'
import { S3Client } from '../../../destinations/s3/s3-client.ts'
import { ConnectorError } from '../../../errors.ts'
import { formatSize } from '../../../units.ts'
import type { BucketOptions } from '../options.ts'
import type { ContentTarget, DeliveredContent } from './content-target.ts'

/** Of an object that is stored with one request. */
const MAX_OBJECT_BYTES = 5 * 1024 ** 3

export interface S3BucketOptions {
  readonly bucket: string
  readonly options: NonNullable<BucketOptions['s3']>
  readonly clock: Clock
  readonly random: () => number
}

export class S3Bucket {
  readonly #options: S3BucketOptions
  #client: S3Client | undefined
  #opening: Promise<S3Client> | undefined

  constructor(options: S3BucketOptions) {
    this.#options = options
  }

  target(key: string): ContentTarget {
    return { deliver: (content, signal) => this.#store(key, content, signal) }
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => {})
    await this.#client?.close()
  }

  async #store(key: string, content: DeliveredContent, signal: AbortSignal): Promise<void> {
    const { bucket, options } = this.#options
    const { bytes } = content
    if (bytes > MAX_OBJECT_BYTES) {
      const text = `expected content of at most ${formatSize(MAX_OBJECT_BYTES)} for s3://${bucket}/${key}, got ${formatSize(bytes)}`
      throw new ConnectorError('InvalidDataset', text)
    }
    const hash = createHash('sha256')
    for await (const part of content.read()) hash.update(part)
    const { storageClass } = options
    const client = await this.#open()
    const { finding } = await client.call(
      {
        doing: `storing s3://${bucket}/${key}`,
        method: 'PUT',
        key,
        headers: {
          'content-type': 'text/csv',
          'x-amz-meta-dataset': content.dataset,
          'x-amz-meta-version': content.version,
          ...(storageClass !== undefined && { 'x-amz-storage-class': storageClass }),
        },
        streamed: { bytes, sha256: hash.digest('hex'), read: () => content.read() },
      },
      signal,
    )
    if (finding === undefined) return
    const text = `storing s3://${bucket}/${key}: the service answered "${finding}"`
    throw new ConnectorError('DestinationUnavailable', text)
  }

  /** With the first object. After a failure it is tried again. */
  #open(): Promise<S3Client> {
    this.#opening ??= this.#opened().catch((thrown: unknown) => {
      this.#opening = undefined
      throw thrown
    })
    return this.#opening
  }

  async #opened(): Promise<S3Client> {
    const { bucket, options: given, clock, random } = this.#options
    const options = { ...s3Options.parse({ bucket }), ...given }
    const place = `analytics.datasets.buckets.${bucket}.s3`
    const client = new S3Client({ options, place, clock, random })
    await client.open()
    this.#client = client
    return client
  }
}
