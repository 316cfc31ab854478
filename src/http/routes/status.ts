/** The state of the connector: for load balancers, for Prometheus, and as a page for people. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ConnectorView, Health } from '../views/connector-view.ts'
import { overviewPage } from '../views/overview-page.ts'

export function statusRoutes(server: FastifyInstance, view: ConnectorView): void {
  const answer = (reply: FastifyReply, isWell: (health: Health) => boolean): FastifyReply => {
    const health = view.health()
    return reply.code(isWell(health) ? 200 : 503).send(health)
  }
  server.get('/health', (_request, reply) => answer(reply, ({ live, ready }) => live && ready))
  server.get('/health/live', (_request, reply) => answer(reply, ({ live }) => live))
  server.get('/health/ready', (_request, reply) => answer(reply, ({ ready }) => ready))

  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await view.metrics()
    return reply.type(contentType).send(text)
  })

  server.get('/', (_request, reply) => {
    const page = overviewPage({
      health: view.health(),
      store: view.store(),
      channels: view.ledger(),
      outage: view.outage(),
    })
    return reply.type('text/html; charset=utf-8').send(page)
  })
}
