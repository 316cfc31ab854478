/** For Prometheus. */
import type { FastifyInstance } from 'fastify'
import type { ConnectorView } from '../views/connector-view.ts'

export function metricsRoute(server: FastifyInstance, view: ConnectorView): void {
  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await view.metrics()
    return reply.type(contentType).send(text)
  })
}
