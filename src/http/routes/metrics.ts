/** The figures of the connector, for Prometheus. */
import type { FastifyInstance } from 'fastify'
import { sendInPieces } from '../requests/pages.ts'
import type { ConnectorView } from '../views/connector-view.ts'

export function metricsRoute(server: FastifyInstance, view: ConnectorView): void {
  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await view.metrics()
    return sendInPieces(reply, contentType, [text])
  })
}
