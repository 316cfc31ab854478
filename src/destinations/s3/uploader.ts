/**
 * Stores one object under one name, once. `If-None-Match: *` makes S3 refuse a second one, so after an
 * answer that was lost the object is asked for, and never stored over or deleted.
 *
 *     PUT ─ 200 ─▶ stored
 *      └── 412 ──▶ HEAD ─ ours ─▶ stored before
 *                    └─── other ─▶ kept, with an error
 */
import { ConnectorError } from '../../errors.ts'
import type { Answer } from '../http-client/http-exchange.ts'
import { MultipartUpload } from './multipart-upload.ts'
import type { ObjectFile } from './object-file.ts'
import type { S3Client, S3Result } from './s3-client.ts'

/** Objects above this size are sent in parts. */
const MULTIPART_BYTES = 64 * 1024 * 1024

export interface StoredObject {
  readonly key: string
  readonly file: ObjectFile
  readonly contentType: string
  /** What makes it this batch: connector, log and boundaries. With it the object is recognised. */
  readonly identity: Readonly<Record<string, string>>
  /** Other metadata. */
  readonly facts: Readonly<Record<string, string>>
  /** Called if the object was there already, as this batch, and with other bytes. */
  readonly onDifferent: (detail: string) => void
}

export interface UploaderOptions {
  readonly client: S3Client
  /** Headers of every object: storage class, encryption. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * Asks whether an object is there before it is stored, for services that may ignore
   * `If-None-Match`.
   */
  readonly asksFirst: boolean
  /** From this size on in parts. Default: 64 MiB. */
  readonly multipartBytes?: number
  readonly partBytes?: number
}

export class Uploader {
  readonly #options: UploaderOptions
  /** False after the service has said that it does not implement `If-None-Match`. */
  #hasCondition = true

  constructor(options: UploaderOptions) {
    this.#options = options
  }

  /**
   * @param unfinished the upload in parts of an earlier attempt; it is continued
   * @throws {ConnectorError} with effect `retry`
   */
  async store(
    object: StoredObject,
    unfinished: { upload?: MultipartUpload },
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#options.asksFirst && (await this.#isThere(object, signal))) return
    let result = await this.#send(object, unfinished, signal)
    if (result.finding === 'no-condition' && this.#hasCondition) {
      this.#hasCondition = false
      if (await this.#isThere(object, signal)) return
      result = await this.#send(object, unfinished, signal)
    }
    if (result.finding === undefined) return
    if (await this.#isThere(object, signal)) return
    // It was there a moment ago, or the upload in parts is gone: begin again.
    delete unfinished.upload
    const text = `storing the object ${object.key}: the service answered "${result.finding}", and there is no such object. It is sent again`
    throw new ConnectorError('DestinationUnavailable', text)
  }

  #send(
    object: StoredObject,
    unfinished: { upload?: MultipartUpload },
    signal: AbortSignal,
  ): Promise<S3Result> {
    const { client, multipartBytes = MULTIPART_BYTES, partBytes } = this.#options
    const { key, file } = object
    const condition = this.#hasCondition ? { 'if-none-match': '*' } : {}
    if (file.length > multipartBytes) {
      const headers = this.#headersOf(object)
      unfinished.upload ??= new MultipartUpload({ client, key, file, headers, partBytes })
      return unfinished.upload.send(condition, signal)
    }
    const sha256 = file.sha256()
    const call = {
      doing: `storing the object ${key}`,
      method: 'PUT',
      key,
      headers: {
        ...this.#headersOf(object),
        ...condition,
        'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64'),
      },
      streamed: { bytes: file.length, sha256, read: () => file.read(0, file.length) },
    } as const
    return client.call(call, signal)
  }

  #headersOf({ contentType, identity, facts, file }: StoredObject): Record<string, string> {
    const headers: Record<string, string> = {
      ...this.#options.headers,
      'content-type': contentType,
      'x-amz-meta-sha256': file.sha256(),
    }
    for (const [name, value] of Object.entries({ ...identity, ...facts })) {
      headers[`x-amz-meta-${name}`] = value
    }
    return headers
  }

  /**
   * Whether the object is there. One with other content counts too: another release may compress
   * differently, and what was stored first stays.
   * @throws {ConnectorError} DestinationUnavailable if another object has its name
   */
  async #isThere(object: StoredObject, signal: AbortSignal): Promise<boolean> {
    const { key, identity } = object
    const answer = await this.#head(key, signal)
    if (answer === undefined) return false
    for (const [name, value] of Object.entries(identity)) {
      if (answer.header(`x-amz-meta-${name}`) === value) continue
      const text = `storing the object ${key}: another object has this name, which this connector has not stored (its metadata "${name}" is not ${value}). Nothing was replaced. Move that object, or set another "prefix"`
      throw new ConnectorError('DestinationUnavailable', text)
    }
    this.#compare(object, answer)
    return true
  }

  #compare({ key, file, onDifferent }: StoredObject, answer: Answer): void {
    const sha256 = answer.header('x-amz-meta-sha256')
    const length = answer.header('content-length')
    const isSameLength = length === undefined || Number(length) === file.length
    if (isSameLength && (sha256 === undefined || sha256 === file.sha256())) return
    const text = `the object ${key} was there already, as the same messages, but with other bytes (${length} with SHA-256 ${sha256}; now they would be ${file.length} with ${file.sha256()}). It was left as it is. If neither the release nor the settings of the destination have changed in between, look at it`
    onDifferent(text)
  }

  async #head(key: string, signal: AbortSignal): Promise<Answer | undefined> {
    const doing = `asking for the object ${key}`
    const { answer } = await this.#options.client.call({ doing, method: 'HEAD', key }, signal)
    return answer
  }
}
