/**
 * Who a request comes from, and what it may do. The first of these decides:
 *
 *     the operator's socket ─▶ a certificate ─▶ a token ─▶ a session ─▶ none of them
 *     view, operate            view, operate    as it was made          view, or nothing
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import { isLoopback } from '../../addresses.ts'
import type { Clock } from '../../clock.ts'
import { certificateRefusal, hasCertificate } from '../../named-files/server-tls.ts'
import type { HttpOptions } from '../options.ts'
import { RequestError } from '../requests/request-error.ts'
import type { HttpAccess } from './access-files.ts'
import { HostNames } from './host-names.ts'
import { LoginCodes } from './login-codes.ts'
import { ALL_RIGHTS, type RequestAccess } from './right.ts'
import { cookieName, sessionIdsIn } from './session-cookie.ts'
import { Sessions } from './sessions.ts'
import { tokenIn } from './token.ts'
import { Tokens } from './tokens.ts'

/** Of access that ends with the connection. */
const ENDLESS = new AbortController().signal
const OPERATOR: RequestAccess = { rights: ALL_RIGHTS, by: 'socket', name: null, ended: ENDLESS }
const STRANGER: RequestAccess = { rights: [], by: 'anonymous', name: null, ended: ENDLESS }

const TOKEN_ADVICE =
  'Send a token as `authorization: Bearer <token>`, or as the password of any user.'
const CERTIFICATE_ADVICE = 'Present a certificate from an authority in http.tls.ca.'

export interface AccessOptions {
  readonly options: HttpOptions
  readonly clock: Clock
  /** Whether it is a connection of the operator's socket. */
  readonly isOperator: (socket: Socket) => boolean
  /** The port listened on. */
  readonly port: () => number
}

export class Access {
  readonly names: HostNames
  readonly tokens: Tokens
  readonly sessions: Sessions
  readonly codes: LoginCodes
  /** Whether the settings name any; the file may have none at the moment. */
  readonly hasTokens: boolean
  readonly #options: AccessOptions
  readonly #admitsCertificates: boolean

  constructor(options: AccessOptions) {
    const { clock } = options
    const { hosts, tls, token, tokenFile, tokens } = options.options
    this.#options = options
    this.names = new HostNames(hosts)
    this.tokens = new Tokens(clock)
    this.sessions = new Sessions(clock)
    this.codes = new LoginCodes(clock)
    this.hasTokens = [token, tokenFile, tokens].some((setting) => setting !== undefined)
    this.#admitsCertificates = tls !== undefined && tls.clientCertificate !== 'ignored'
  }

  /** Called with what the files say, at the start and when they have changed. */
  use({ token, tokens, certificates }: HttpAccess): void {
    this.names.useCertificate(certificates?.cert)
    this.tokens.use(token, tokens)
  }

  /** Another server on this machine has another one: cookies do not heed ports. */
  get cookieName(): string {
    return cookieName(this.#options.port())
  }

  get hasTls(): boolean {
    return this.#options.options.tls !== undefined
  }

  /** The names and origins of browsers do not apply to the socket: no page can reach it. */
  isOperator({ raw: { socket } }: FastifyRequest): boolean {
    return this.#options.isOperator(socket)
  }

  /** A session is in use until the response is closed. @throws {RequestError} 401, 429 */
  of(request: FastifyRequest, response: ServerResponse): RequestAccess {
    const { headers, raw } = request
    if (this.isOperator(request)) return OPERATOR
    const certified = this.#admitsCertificates ? byCertificate(raw.socket) : undefined
    if (certified !== undefined) return certified
    const token = this.hasTokens ? tokenIn(headers.authorization) : undefined
    if (token !== undefined) {
      const { name, rights, revoked } = this.tokens.find(token, raw.socket.remoteAddress)
      return { rights, by: 'token', name, ended: revoked }
    }
    for (const id of sessionIdsIn(headers.cookie, this.cookieName)) {
      const session = this.sessions.use(id, response)
      if (session !== undefined) return { ...session, by: 'session' }
    }
    return this.#ofUnknown(raw.socket)
  }

  /** For routes that need no right: wrong credentials give none. */
  ofPublic(request: FastifyRequest, response: ServerResponse): RequestAccess {
    try {
      return this.of(request, response)
    } catch (thrown) {
      if (thrown instanceof RequestError) return STRANGER
      throw thrown
    }
  }

  #ofUnknown(socket: Socket): RequestAccess {
    const { host, allowAnonymous } = this.#options.options
    if (!this.hasTokens && !this.#admitsCertificates && isLoopback(host)) {
      return { ...STRANGER, rights: ['view'], by: 'loopback' }
    }
    if (allowAnonymous) return { ...STRANGER, rights: ['view'] }
    const refusal = this.#admitsCertificates ? refusalOf(socket) : undefined
    const reason = refusal === undefined ? '' : `The client is not accepted: ${refusal}. `
    throw new RequestError(401, 'NotAuthorized', `${reason}${this.#advice}`)
  }

  get #advice(): string {
    if (!this.#admitsCertificates) return TOKEN_ADVICE
    return this.hasTokens ? `${CERTIFICATE_ADVICE} Or: ${TOKEN_ADVICE}` : CERTIFICATE_ADVICE
  }
}

function byCertificate(socket: Socket): RequestAccess | undefined {
  if (!(socket instanceof TLSSocket) || !hasCertificate(socket)) return undefined
  if (certificateRefusal(socket) !== undefined) return undefined
  const { CN: name } = socket.getPeerCertificate().subject
  return { ...OPERATOR, by: 'certificate', name: typeof name === 'string' ? name : null }
}

/** Why the certificate that the client showed is not accepted. */
function refusalOf(socket: Socket): string | undefined {
  return socket instanceof TLSSocket && hasCertificate(socket)
    ? certificateRefusal(socket)
    : undefined
}
