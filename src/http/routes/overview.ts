/** A page for whoever opens the address in a browser: how it goes, anew every few seconds, and what there is. */
import type { FastifyInstance } from 'fastify'
import type { ConnectorView } from '../views/connector-view.ts'
import { overviewPage } from '../views/overview-page.ts'

export function overviewRoute(server: FastifyInstance, view: ConnectorView): void {
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
