/**
 * What a request may do, and how the server knows. The first hook of every request sets
 * `request.access`, and refuses a request that lacks the right its route names.
 */
import type { FastifyRequest } from 'fastify'

/** `view` reads. `operate` changes something, such as by a replay. */
export type Right = 'view' | 'operate'

export const ALL_RIGHTS: readonly Right[] = ['view', 'operate']

export interface RequestAccess {
  /** Empty only on public routes. */
  readonly rights: readonly Right[]
  /** How the request was recognised. */
  readonly by: 'loopback' | 'anonymous' | 'socket' | 'token' | 'session' | 'certificate'
  /** The name of the token or of the certificate; null without one. */
  readonly name: string | null
  /**
   * Aborted when the access ends before the answer does: the session was closed, the token was
   * revoked. Answers that go on, such as streams of events, end then.
   */
  readonly ended: AbortSignal
}

declare module 'fastify' {
  interface FastifyRequest {
    access: RequestAccess
  }

  interface FastifyContextConfig {
    /** What the route needs; `view` unless it says something else. */
    right?: Right
    /** True: the route needs no right. It may ask `request.access` for what it shows. */
    isPublic?: boolean
    /**
     * True: an API of clients, which has credentials of its own. Where it has none, everybody who
     * may view may use it; but a token needs `operate` to change something.
     */
    isForClients?: boolean
  }
}

export function may({ access }: FastifyRequest, right: Right): boolean {
  return access.rights.includes(right)
}
