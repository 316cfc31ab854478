/**
 * Sends a large object in parts. The object is there only when all parts are and the upload has been
 * completed. After a failure the next attempt continues with the parts that are missing; uploads that
 * a crash has left are found by the object's name and aborted.
 */
import { ConnectorError } from '../../errors.ts'
import type { ObjectFile } from './object-file.ts'
import type { S3Client, S3Result } from './s3-client.ts'
import { childrenOf, childText, escapedXml, parseXml } from './xml.ts'

/** S3 allows 5 MiB to 5 GiB, and 10,000 parts. */
const PART_BYTES = 16 * 1024 * 1024

export interface MultipartUploadOptions {
  readonly client: S3Client
  readonly key: string
  readonly file: ObjectFile
  /** Of the object. */
  readonly headers: Readonly<Record<string, string>>
  readonly partBytes: number | undefined
}

export class MultipartUpload {
  readonly #options: MultipartUploadOptions
  readonly #partBytes: number
  #id: string | undefined
  /** Of the parts that have been sent, in order. */
  readonly #tags: string[] = []

  constructor(options: MultipartUploadOptions) {
    this.#options = options
    this.#partBytes = options.partBytes ?? PART_BYTES
  }

  /** @param condition the header `if-none-match`, or nothing */
  async send(condition: Readonly<Record<string, string>>, signal: AbortSignal): Promise<S3Result> {
    const { file } = this.#options
    this.#id ??= await this.#begin(signal)
    const id = this.#id
    for (;;) {
      const start = this.#tags.length * this.#partBytes
      if (start >= file.length) break
      const result = await this.#sendPart(id, start, signal)
      if (result.finding !== undefined) return result
      const tag = result.answer.header('etag')
      if (tag === undefined) throw this.#unexpected('a part was stored, and has no ETag')
      this.#tags.push(tag)
    }
    return await this.#complete(id, condition, signal)
  }

  async #begin(signal: AbortSignal): Promise<string> {
    const { client, key, headers } = this.#options
    await abortUploads(client, key, signal)
    const doing = `beginning to store the object ${key}`
    const call = { doing, method: 'POST', key, query: { uploads: '' }, headers } as const
    const { answer } = await client.call(call, signal)
    const id = childText(parseXml(answer?.body ?? ''), 'UploadId')
    if (id === undefined || id === '') throw this.#unexpected('the answer has no UploadId')
    return id
  }

  async #sendPart(id: string, start: number, signal: AbortSignal): Promise<S3Result> {
    const { client, key, file } = this.#options
    const end = Math.min(start + this.#partBytes, file.length)
    const number = this.#tags.length + 1
    const call = {
      doing: `storing part ${number} of the object ${key}`,
      method: 'PUT',
      key,
      query: { partNumber: String(number), uploadId: id },
      streamed: {
        bytes: end - start,
        sha256: await file.sha256Of(start, end),
        read: () => file.read(start, end),
      },
    } as const
    return await client.call(call, signal)
  }

  async #complete(
    id: string,
    condition: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<S3Result> {
    const { client, key } = this.#options
    const parts = this.#tags.map(
      (tag, index) =>
        `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapedXml(tag)}</ETag></Part>`,
    )
    const body = Buffer.from(
      `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`,
    )
    const call = {
      doing: `completing the object ${key}`,
      method: 'POST',
      key,
      query: { uploadId: id },
      headers: { ...condition, 'content-type': 'application/xml' },
      body,
    } as const
    const result = await client.call(call, signal)
    if (result.finding !== 'exists') return result
    // The object is there already, so these parts are of no use. If this fails, they stay.
    await abortUpload(client, key, id, signal).catch(() => {})
    this.#id = undefined
    this.#tags.length = 0
    return result
  }

  #unexpected(what: string): ConnectorError {
    const { client, key } = this.#options
    const text = `storing the object ${key} at ${client.origin}: ${what}`
    return new ConnectorError('DestinationUnavailable', text)
  }
}

/**
 * Aborts the uploads of an object that are not completed. Without permission to list them, they
 * stay; a lifecycle rule of the bucket can remove them.
 */
async function abortUploads(client: S3Client, key: string, signal: AbortSignal): Promise<void> {
  const doing = `looking for unfinished uploads of the object ${key}`
  try {
    const query = { uploads: '', prefix: key }
    const { answer } = await client.call({ doing, method: 'GET', key: '', query }, signal)
    for (const upload of childrenOf(parseXml(answer?.body ?? ''), 'Upload')) {
      const id = childText(upload, 'UploadId')
      if (childText(upload, 'Key') !== key || id === undefined) continue
      await abortUpload(client, key, id, signal)
    }
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'DestinationDenied') throw error
  }
}

export async function abortUpload(
  client: S3Client,
  key: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const doing = `aborting an upload of the object ${key}`
  await client.call({ doing, method: 'DELETE', key, query: { uploadId: id } }, signal)
}
