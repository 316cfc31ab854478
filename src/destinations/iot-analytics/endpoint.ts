/** The endpoint of a region, and the parts of its URL that requests and signatures contain. */

const OPERATION_PATH = '/messages/batch'

export interface Endpoint {
  /** Scheme, host and port to connect to. */
  readonly origin: string
  /** The `host` header, without a default port (RFC 9110, section 7.2). */
  readonly host: string
  /** The path of BatchPutMessage, below the endpoint's own path if it has one. */
  readonly path: string
}

/** The public endpoint, by the service's endpoint rule set: `iotanalytics.<region>.<suffix>`. */
export function publicEndpointOf(region: string): string {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return `https://iotanalytics.${region}.${suffix}`
}

export function endpointAt(url: string): Endpoint {
  const { origin, host, pathname } = new URL(url)
  return { origin, host, path: pathname.replace(/\/+$/, '') + OPERATION_PATH }
}
