/** What every request goes through first: where it comes from, who sent it, what its route needs. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { RequestError } from '../requests/request-error.ts'
import type { Access } from './access.ts'
import { refuseForeignOrigins, refuseForeignPages } from './own-requests.ts'
import { may, type Right } from './right.ts'

const READING = ['GET', 'HEAD']
/** Below it the dashboard asks, which has a login of its own. */
const API = '/api/'
const NAME = 'realm="iot-analytics-connector"'
/** On other paths, such as /ledger, browsers then ask for a password. */
const BASIC = `Basic ${NAME}, charset="UTF-8"`
const BEARER = `Bearer ${NAME}`

const OPERATE_ADVICE =
  'Replays, retries and other changes need the right operate. On the connector’s machine the ' +
  'commands have it, run by the user that runs the connector, and `iot-analytics-connector ' +
  'dashboard` prints an address that has it. From elsewhere, use a token: `iot-analytics-connector ' +
  'token create <name> --rights operate` makes one.'

export function checkAccess(server: FastifyInstance, access: Access): void {
  server.decorateRequest('access')
  server.addHook('onRequest', async (request, reply) => {
    const { config } = request.routeOptions
    const isOperator = access.isOperator(request)
    if (!isOperator) access.names.check(request.headers.host)
    if (config.isPublic === true) {
      request.access = access.ofPublic(request, reply.raw)
      return
    }
    if (!isOperator) await refuseForeignOrigins(request)
    request.access = recognised(access, request, reply)
    const right = rightFor(request)
    if (!may(request, right)) throw new RequestError(403, 'NotPermitted', OPERATE_ADVICE)
    if (right === 'operate' && request.method === 'POST') await refuseForeignPages(request)
  })
}

function recognised(access: Access, request: FastifyRequest, reply: FastifyReply) {
  try {
    return access.of(request, reply.raw)
  } catch (thrown) {
    const challenge = request.url.startsWith(API) ? BEARER : BASIC
    if (access.hasTokens) reply.header('www-authenticate', challenge)
    throw thrown
  }
}

function rightFor({ routeOptions: { config }, access, method }: FastifyRequest): Right {
  if (config.isForClients !== true) return config.right ?? 'view'
  const isUnknown = access.by === 'loopback' || access.by === 'anonymous'
  return isUnknown || READING.includes(method) ? 'view' : 'operate'
}

/** For the answer about a session: what to do for the right `operate`; null if it is there. */
export function adviceFor(request: FastifyRequest): string | null {
  return may(request, 'operate') ? null : OPERATE_ADVICE
}
