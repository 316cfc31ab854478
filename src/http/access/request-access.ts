/** Who may use the server: the clients with the token or with a certificate, or everybody. */
import { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import { certificateRefusal, hasCertificate } from '../../named-files/server-tls.ts'
import { RequestError } from '../requests/request-error.ts'
import { ALL_RIGHTS, type RequestAccess as RequestRights } from './right.ts'
import { TokenCheck } from './token.ts'

export interface AccessRules {
  /** Undefined if no token grants access. */
  readonly token: string | undefined
  /** Whether a certificate grants access, from an authority that TLS trusts. */
  readonly admitsCertificates: boolean
}

export class RequestAccess {
  readonly #admitsCertificates: boolean
  readonly #ending = new AbortController()
  #token: string | undefined
  #tokens: TokenCheck | undefined

  constructor({ token, admitsCertificates }: AccessRules) {
    this.#admitsCertificates = admitsCertificates
    this.useToken(token)
  }

  get hasToken(): boolean {
    return this.#tokens !== undefined
  }

  useToken(token: string | undefined): void {
    if (token !== this.#token)
      this.#tokens = token === undefined ? undefined : new TokenCheck(token)
    this.#token = token
  }

  isGranted({ headers, raw: { socket } }: FastifyRequest): boolean {
    if (this.#tokens === undefined && !this.#admitsCertificates) return true
    if (this.#admitsCertificates && isCertified(socket)) return true
    return this.#tokens?.isGiven(headers.authorization) === true
  }

  of(request: FastifyRequest): RequestRights {
    const { signal: ended } = this.#ending
    const isGranted = this.isGranted(request)
    return { rights: isGranted ? ALL_RIGHTS : [], by: 'loopback', name: null, ended }
  }

  /** @throws {RequestError} 401 */
  check(request: FastifyRequest): void {
    if (this.isGranted(request)) return
    const { socket } = request.raw
    const refusal =
      this.#admitsCertificates && socket instanceof TLSSocket && hasCertificate(socket)
        ? certificateRefusal(socket)
        : undefined
    const reason = refusal === undefined ? '' : `The client is not accepted: ${refusal}. `
    throw new RequestError(401, 'NotAuthorized', `${reason}${this.#advice}`)
  }

  get #advice(): string {
    const token =
      'Send the token of http.token as `authorization: Bearer <token>`, or as the password of any user.'
    const certificate = 'Present a certificate from an authority in http.tls.ca.'
    if (!this.#admitsCertificates) return token
    return this.hasToken ? `${certificate} Or: ${token}` : certificate
  }
}

function isCertified(socket: unknown): boolean {
  return (
    socket instanceof TLSSocket &&
    hasCertificate(socket) &&
    certificateRefusal(socket) === undefined
  )
}
