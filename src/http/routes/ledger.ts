/** What became of every message, per channel and in all. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ChannelLedger } from '../../channels/ledger.ts'
import type { ConnectorView } from '../connector-view.ts'
import { ledgerTable } from '../ledger-table.ts'
import { ledgerTotals } from '../ledger-totals.ts'
import { parseRequest } from '../query.ts'

const ledgerQuery = z.strictObject({
  format: z.enum(['json', 'text'], 'must be json or text').default('json'),
})

export function ledgerRoute(server: FastifyInstance, view: ConnectorView): void {
  server.get('/ledger', (request, reply) => {
    const { format } = parseRequest(ledgerQuery, request.query)
    const channels = view.ledger()
    if (format === 'text') {
      return reply.type('text/plain; charset=utf-8').send(ledgerTable(channels))
    }
    return reply.send({ totals: ledgerTotals(channels), channels: channels.map(shown) })
  })
}

/** Times as everywhere in this API: ISO 8601. */
function shown({ oldestWaitingAt, ...figures }: ChannelLedger) {
  return {
    ...figures,
    oldestWaitingAt: oldestWaitingAt === undefined ? null : new Date(oldestWaitingAt).toISOString(),
  }
}
