/**
 * Where a region's IoT Analytics is, and what of an endpoint's URL goes into requests and their
 * signatures.
 */

const OPERATION_PATH = '/messages/batch'

export interface Endpoint {
  /** Scheme, host and port: what is connected to. */
  readonly origin: string
  /** The `host` header. A default port is not in it, as RFC 9110 7.2 has it. */
  readonly host: string
  /** Path of BatchPutMessage, below the endpoint's own path if it has one. */
  readonly path: string
}

/** The public endpoint, by the rule of the service's endpoint rule set: `iotanalytics.<region>.<suffix>`. */
export function publicEndpointOf(region: string): string {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return `https://iotanalytics.${region}.${suffix}`
}

export function endpointAt(url: string): Endpoint {
  const { origin, host, pathname } = new URL(url)
  return { origin, host, path: pathname.replace(/\/+$/, '') + OPERATION_PATH }
}
