/** `/api/v1/session`: a browser logs in, asks what it may do, and logs out. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../clock.ts'
import { timeText } from '../../iso-time.ts'
import { type LoginCode, login, type Session } from '../api/shapes/session.ts'
import { parseRequest } from '../requests/query.ts'
import { RequestError } from '../requests/request-error.ts'
import type { Access } from './access.ts'
import { adviceFor } from './access-hook.ts'
import { CODE_MS } from './login-codes.ts'
import { refuseForeignOrigins, refuseForeignPages } from './own-requests.ts'
import type { RequestAccess } from './right.ts'
import { endedCookie, sessionCookie, sessionIdsIn } from './session-cookie.ts'
import { IDLE_MS } from './sessions.ts'
import type { Grant } from './tokens.ts'

const SESSION_PATH = '/api/v1/session'
export const LOGIN_CODE_PATH = `${SESSION_PATH}/code`

const WRONG_CODE =
  'The code is not valid: it works once, within 60 s. Run `iot-analytics-connector dashboard` for another one.'

export interface SessionContext {
  readonly access: Access
  readonly clock: Clock
  /** Where browsers reach the server; undefined without a port. */
  readonly address: () => string | undefined
}

export function sessionRoutes(server: FastifyInstance, context: SessionContext): void {
  const { access, clock, address } = context

  server.get(SESSION_PATH, async (request) => sessionOf(request, request.access, clock))

  server.post(
    SESSION_PATH,
    { config: { isPublic: true }, onRequest: refuseForeignPages },
    async (request, reply) => {
      const grant = grantOf(request, access)
      endSessions(request, access)
      const id = access.sessions.begin(grant)
      reply.header('set-cookie', sessionCookie(access.cookieName, id, isSecure(request, access)))
      const { name, rights, revoked: ended } = grant
      request.access = { name, rights, by: 'session', ended }
      return sessionOf(request, request.access, clock)
    },
  )

  server.delete(
    SESSION_PATH,
    { config: { isPublic: true }, onRequest: refuseForeignOrigins },
    (request, reply): FastifyReply => {
      endSessions(request, access)
      reply.header('set-cookie', endedCookie(access.cookieName, isSecure(request, access)))
      return reply.code(204).send()
    },
  )

  server.post(LOGIN_CODE_PATH, { onRequest: refuseForeignPages }, async (request) => {
    const { by, name, rights, ended: revoked } = request.access
    if (by !== 'socket' && by !== 'token' && by !== 'certificate') throw noCode()
    const code = access.codes.make({ name, rights, revoked })
    const until = timeText(clock.now() + CODE_MS)
    return { code, until, address: address() ?? null } satisfies LoginCode
  })
}

/** @throws {RequestError} 400, 401 or 429 */
function grantOf(request: FastifyRequest, { tokens, codes }: Access): Grant {
  const { code, token } = parseRequest(login, request.body)
  const { remoteAddress } = request.raw.socket
  if (code !== undefined && token === undefined) {
    const grant = codes.take(code)
    if (grant === undefined) throw tokens.wrong(remoteAddress, WRONG_CODE)
    return grant
  }
  if (token !== undefined && code === undefined) return tokens.find(token, remoteAddress)
  throw new RequestError(400, 'InvalidRequest', 'Expected either a code or a token.')
}

/** A login replaces the session that the browser had, so nobody can give it one to use. */
function endSessions({ headers }: FastifyRequest, { sessions, cookieName }: Access): void {
  for (const id of sessionIdsIn(headers.cookie, cookieName)) sessions.end(id)
}

/** A proxy may speak TLS for the server. */
function isSecure({ headers }: FastifyRequest, { hasTls }: Access): boolean {
  return hasTls || headers['x-forwarded-proto'] === 'https'
}

function sessionOf(
  request: FastifyRequest,
  { rights, by, name }: RequestAccess,
  clock: Clock,
): Session {
  const until = by === 'session' ? timeText(clock.now() + IDLE_MS) : null
  return { rights: [...rights], by, name, until, advice: adviceFor(request) }
}

function noCode(): RequestError {
  return new RequestError(
    403,
    'NotPermitted',
    'A code for the dashboard is given to the operator’s socket, a token or a certificate. On the ' +
      'connector’s machine, run `iot-analytics-connector dashboard` as the user that runs the connector.',
  )
}
