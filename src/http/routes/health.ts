/** For supervisors and load balancers: 200 when all is well, 503 when not, with the reasons. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ConnectorView, Health } from '../views/connector-view.ts'

export function healthRoutes(server: FastifyInstance, view: ConnectorView): void {
  const answer = (reply: FastifyReply, isWell: (health: Health) => boolean): FastifyReply => {
    const health = view.health()
    return reply.code(isWell(health) ? 200 : 503).send(health)
  }
  server.get('/health', (_request, reply) => answer(reply, ({ live, ready }) => live && ready))
  server.get('/health/live', (_request, reply) => answer(reply, ({ live }) => live))
  server.get('/health/ready', (_request, reply) => answer(reply, ({ ready }) => ready))
}
