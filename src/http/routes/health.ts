/** Whether the connector works: for supervisors and load balancers, which need no token. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TokenCheck } from '../requests/token.ts'
import type { ConnectorView, Health } from '../views/connector-view.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True: the route needs no token. */
    isPublic?: boolean
  }
}

const PUBLIC = { config: { isPublic: true } }

export function healthRoutes(
  server: FastifyInstance,
  view: ConnectorView,
  tokens: TokenCheck | undefined,
): void {
  const answer =
    (isWell: (health: Health) => boolean) =>
    ({ headers }: FastifyRequest, reply: FastifyReply): FastifyReply => {
      const health = view.health()
      const { live, ready, storage } = health
      const mayKnowAll = tokens === undefined || tokens.isGiven(headers.authorization)
      return reply
        .code(isWell(health) ? 200 : 503)
        .send(mayKnowAll ? health : { live, ready, storage })
    }
  server.get(
    '/health',
    PUBLIC,
    answer(({ live, ready }) => live && ready),
  )
  server.get(
    '/health/live',
    PUBLIC,
    answer(({ live }) => live),
  )
  server.get(
    '/health/ready',
    PUBLIC,
    answer(({ ready }) => ready),
  )
}
