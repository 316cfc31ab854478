/** The ledger: what happened to every message, per channel and in total. */
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import type { ChannelLedger, OutageLeft, StoreLedger } from '../../channels/ledger/ledger.ts'
import { cut, printable } from '../../shown-text.ts'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, sendInPieces, TEXT_TYPE } from '../requests/pages.ts'
import { parseRequest } from '../requests/query.ts'
import type { ConnectorView } from '../views/connector-view.ts'
import { ledgerTable } from '../views/ledger-table.ts'
import { ledgerTotals } from '../views/ledger-totals.ts'

const ledgerQuery = z.strictObject({
  format: z.enum(['json', 'text'], 'must be json or text').default('json'),
})

export function ledgerRoute(
  server: FastifyInstance,
  view: ConnectorView,
  { pages }: RequestLimits,
): void {
  server.get('/ledger', async (request, reply) => {
    const { format } = parseRequest(ledgerQuery, request.query)
    const isText = format === 'text'
    const text = await pages.serve(reply.raw, async () =>
      isText ? ledgerText(view) : JSON.stringify(ledgerJson(view)),
    )
    return sendInPieces(reply, isText ? TEXT_TYPE : JSON_TYPE, [text])
  })
}

/** The operating system words a part of it. */
const MAX_FAULT = 1_000

function ledgerText(view: ConnectorView): string {
  return ledgerTable(view.ledger(), view.outage()) + storeText(view.store())
}

function ledgerJson(view: ConnectorView): object {
  const channels = view.ledger()
  const next = view.nextAttempts()
  const left = new Map(view.outage().map((row) => [row.channel, row]))
  return {
    totals: ledgerTotals(channels),
    store: view.store(),
    channels: channels.map((ledger) => shown(ledger, left.get(ledger.channel), next)),
  }
}

type NextAttempts = ReturnType<ConnectorView['nextAttempts']>

/** With times in ISO 8601, as everywhere in this API. */
function shown(
  { oldestWaitingAt, readers, fault, isUnopened, ...figures }: ChannelLedger,
  left: OutageLeft | undefined,
  next: NextAttempts,
) {
  const { channel } = figures
  const [ofPrimary] = next.values()
  const entries = Object.entries(readers).map(([name, reader]) => {
    return [name, { ...reader, nextAttemptAt: next.get(name)?.get(channel) ?? null }]
  })
  return {
    ...figures,
    fault: fault === undefined ? null : printable(cut(fault, MAX_FAULT)),
    isUnopened: isUnopened === true,
    readers: Object.fromEntries(entries),
    nextAttemptAt: ofPrimary?.get(channel) ?? null,
    oldestWaitingAt: oldestWaitingAt === undefined ? null : new Date(oldestWaitingAt).toISOString(),
    outageLeftSeconds: left === undefined ? null : Math.floor(left.seconds),
    outageBound: left?.bound ?? null,
  }
}

function storeText(store: StoreLedger): string {
  const { state, problem, bytes, maxBytes, deadLetters, deadLettersLost = 0 } = store
  const lost = deadLettersLost === 0 ? '' : `, ${deadLettersLost} lost`
  const room = maxBytes === undefined ? `${bytes} bytes` : `${bytes} of ${maxBytes} bytes`
  const letters = deadLetters === undefined ? '' : `\ndead letters: ${deadLetters}${lost}`
  const trouble = problem === undefined ? '' : `: ${problem}`
  return `\nstorage: ${state}, ${room}${trouble}${letters}\n`
}
