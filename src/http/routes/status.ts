/** The state of the connector: for Prometheus, and as a page for people. */
import type { FastifyInstance } from 'fastify'
import type { RequestLimits } from '../connections/request-limits.ts'
import { HTML_TYPE, sendInPieces } from '../requests/pages.ts'
import type { ConnectorView } from '../views/connector-view.ts'
import { overviewPage } from '../views/overview-page.ts'

export function statusRoutes(
  server: FastifyInstance,
  view: ConnectorView,
  { pages }: RequestLimits,
): void {
  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await view.metrics()
    return sendInPieces(reply, contentType, [text])
  })

  server.get('/', async (_request, reply) => {
    const page = await pages.serve(reply.raw, async () =>
      overviewPage({
        health: view.health(),
        store: view.store(),
        channels: view.ledger(),
        outage: view.outage(),
      }),
    )
    return sendInPieces(reply, HTML_TYPE, [page])
  })
}
