/**
 * Refuses requests with effects that come from a web page in a browser on this machine. A page can
 * send a form or plain text to any origin, but JSON to another origin only if that origin allows it
 * beforehand (CORS), which this server never does.
 */
import type { FastifyRequest } from 'fastify'
import { RequestError } from '../requests/request-error.ts'

/** @throws {RequestError} 415 for what is not JSON, 403 for another site's page. */
export async function refuseForeignPages(request: FastifyRequest): Promise<void> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') {
    throw new RequestError(415, 'InvalidRequest', 'Send JSON, with content-type: application/json.')
  }
  await refuseForeignOrigins(request)
}

/**
 * For every request. A browser says where a request comes from, except that it only does so for
 * reading if the server is on this machine or has TLS. Links of other sites may lead here.
 * @throws {RequestError} 403 for another site's page.
 */
export async function refuseForeignOrigins({ headers, method }: FastifyRequest): Promise<void> {
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers
  const isLink = mode === 'navigate' && method === 'GET'
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none' || isLink
  if (isOwnSite && isOwnOrigin(headers.origin, headers.host)) return
  throw new RequestError(403, 'ForeignOrigin', 'Pages of other sites may not send this request.')
}

function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === host
}
