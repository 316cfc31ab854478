/**
 * Writes a request as one run of bytes. The body is written first, because the head contains its
 * length and its hash; then the head is placed right before it:
 *
 *     | room left | head | body | room left |
 *                 ▲─── sent ────▲
 */

import { type AwsIdentity, sha256Hex } from '../aws/signature.ts'
import type { Batch } from '../destination.ts'
import type { Request } from '../http-client/http-exchange.ts'
import type { Endpoint } from './endpoint.ts'
import { maxBodyBytes, writeBody } from './request-body.ts'
import { RequestBuffers } from './request-buffers.ts'
import type { RequestAttempt, RequestSigner } from './signing.ts'

/** Room for a head without the parts from endpoint and identity, which takes about 600 bytes. */
const FIXED_HEAD_BYTES = 2_048

/** The content of a request: one attempt of a call. */
export interface RequestContent extends Omit<RequestAttempt, 'contentSha256'> {
  readonly batch: Batch
  /** Undefined if requests are sent unsigned. */
  readonly identity: AwsIdentity | undefined
  /** The time to sign for, milliseconds since 1970. */
  readonly atMs: number
}

export class RequestWriter {
  readonly #signer: RequestSigner
  readonly #opening: string
  readonly #endpointBytes: number
  readonly #buffers = new RequestBuffers()

  constructor(endpoint: Endpoint, signer: RequestSigner) {
    this.#signer = signer
    this.#opening = `POST ${endpoint.path} HTTP/1.1\r\nconnection: keep-alive\r\n`
    this.#endpointBytes = endpoint.path.length + endpoint.host.length
  }

  write(content: RequestContent): Request {
    const { batch, identity, origin = '', topics = '' } = content
    const ownBytes = origin.length + topics.length
    const bodyAt = FIXED_HEAD_BYTES + this.#endpointBytes + lengthOf(identity) + ownBytes
    const buffer = this.#buffers.take(bodyAt + maxBodyBytes(batch))
    const end = writeBody(batch, buffer, bodyAt)
    const head = this.#headFor(content, buffer.subarray(bodyAt, end))
    const start = bodyAt - head.length
    if (start < 0) throw new Error(`a request head of ${head.length} bytes is longer than foreseen`)
    buffer.write(head, start, 'latin1')
    return {
      bytes: buffer.subarray(start, end),
      release: () => this.#buffers.give(buffer),
    }
  }

  #headFor(content: RequestContent, body: Buffer): string {
    const { identity, invocationId, progress, atMs, origin, topics } = content
    const fields =
      identity === undefined
        ? this.#signer.unsigned({ invocationId, progress, origin, topics })
        : this.#signer.sign(
            { invocationId, progress, origin, topics, contentSha256: sha256Hex(body) },
            identity,
            atMs,
          )
    let head = this.#opening
    for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`
    return `${head}content-length: ${body.length}\r\n\r\n`
  }
}

function lengthOf(identity: AwsIdentity | undefined): number {
  if (identity === undefined) return 0
  return identity.accessKeyId.length + (identity.sessionToken?.length ?? 0)
}
