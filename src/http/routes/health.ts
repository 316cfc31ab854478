/** Whether the connector works: for supervisors and load balancers, which need no token. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { may } from '../access/right.ts'
import type { ConnectorView, Health } from '../views/connector-view.ts'

const PUBLIC = { config: { isPublic: true } }

export function healthRoutes(server: FastifyInstance, view: ConnectorView): void {
  const answer =
    (isWell: (health: Health) => boolean) =>
    (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
      const health = view.health()
      const { live, ready, storage } = health
      const mayKnowAll = may(request, 'view')
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
