/** Signs the only request that this destination sends: POST, a fixed path, a fixed list of headers. */
import { ORIGIN_HEADER, TOPICS_HEADER } from '../../chain/origin.ts'
import { type AwsIdentity, percentEncoded, RequestSignature } from '../aws/signature.ts'
import type { Endpoint } from './endpoint.ts'

const SERVICE = 'iotanalytics'
const CONTENT_TYPE = 'application/json'

/** The parts of a request that differ from one attempt to the next. */
export interface RequestAttempt {
  /** The header that names the messages' origin, for another connector. Default: none. */
  readonly origin?: string | undefined
  /** The header of their topics. Default: none. */
  readonly topics?: string | undefined
  readonly contentSha256: string
  /** The same for all attempts of one call, so that the service recognizes a repetition. */
  readonly invocationId: string
  /** `attempt=2; max=3` */
  readonly progress: string
}

export class RequestSigner {
  readonly #signature: RequestSignature
  readonly #host: string
  readonly #canonicalPath: string

  constructor(region: string, endpoint: Endpoint) {
    this.#signature = new RequestSignature(SERVICE, region)
    this.#host = endpoint.host
    this.#canonicalPath = canonicalPathOf(endpoint.path)
  }

  /**
   * The signed headers of the request and the signature, names and values in turn.
   * @param atMs the time to sign for in milliseconds since 1970, corrected for a wrong clock
   */
  sign(attempt: RequestAttempt, identity: AwsIdentity, atMs: number): string[] {
    const time = this.#signature.timestamp(atMs)
    const headers = headersOf(attempt, this.#host, time, identity.sessionToken)
    const request = {
      method: 'POST',
      path: this.#canonicalPath,
      query: '',
      headers,
      names: namesOf(attempt, identity),
      contentSha256: attempt.contentSha256,
    }
    headers.push('authorization', this.#signature.authorization(request, identity, time))
    return headers
  }

  /** The same request for an endpoint that asks for no signature. */
  unsigned(attempt: Omit<RequestAttempt, 'contentSha256'>): string[] {
    return [...plainHeaders(attempt, this.#host), ...originHeaders(attempt)]
  }
}

const SIGNED_NAMES =
  'amz-sdk-invocation-id;amz-sdk-request;content-type;host;x-amz-content-sha256;x-amz-date'

/** Sorted, as they must be: what begins with x-amz comes before x-connector. */
function namesOf({ origin, topics }: RequestAttempt, { sessionToken }: AwsIdentity): string {
  let names = SIGNED_NAMES
  if (sessionToken !== undefined) names += ';x-amz-security-token'
  if (origin !== undefined) names += `;${ORIGIN_HEADER}`
  if (topics !== undefined) names += `;${TOPICS_HEADER}`
  return names
}

function originHeaders({ origin, topics }: Omit<RequestAttempt, 'contentSha256'>): string[] {
  const headers: string[] = []
  if (origin !== undefined) headers.push(ORIGIN_HEADER, origin)
  if (topics !== undefined) headers.push(TOPICS_HEADER, topics)
  return headers
}

function plainHeaders(attempt: Omit<RequestAttempt, 'contentSha256'>, host: string): string[] {
  return [
    'amz-sdk-invocation-id',
    attempt.invocationId,
    'amz-sdk-request',
    attempt.progress,
    'content-type',
    CONTENT_TYPE,
    'host',
    host,
  ]
}

/** In the order of their names, in which they are signed. */
function headersOf(
  attempt: RequestAttempt,
  host: string,
  time: string,
  sessionToken: string | undefined,
): string[] {
  const headers = plainHeaders(attempt, host)
  headers.push('x-amz-content-sha256', attempt.contentSha256, 'x-amz-date', time)
  if (sessionToken !== undefined) headers.push('x-amz-security-token', sessionToken)
  headers.push(...originHeaders(attempt))
  return headers
}

/** The path with every segment percent-encoded again and empty segments left out. */
function canonicalPathOf(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '')
  return `/${segments.map(percentEncoded).join('/')}`
}
