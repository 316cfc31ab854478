/** The operator's API: what the dashboard and the commands ask. */
import type { FastifyInstance } from 'fastify'
import type { RequestLimits } from '../connections/request-limits.ts'
import type { ConnectorView } from '../views/connector-view.ts'
import { deadLetterRoutes } from './dead-letters.ts'
import { destinationRoutes } from './destinations.ts'
import { historyReplayRoute } from './history-replay.ts'
import { messageFactRoutes } from './message-facts.ts'
import { messageRoutes } from './messages.ts'
import { openApiRoute } from './openapi-route.ts'
import { searchRoute } from './search.ts'
import { snapshotRoutes } from './snapshots.ts'

export function operatorRoutes(
  server: FastifyInstance,
  view: ConnectorView,
  limits: RequestLimits,
): void {
  snapshotRoutes(server, view, limits)
  messageRoutes(server, view, limits)
  searchRoute(server, view, limits)
  messageFactRoutes(server, view, limits)
  deadLetterRoutes(server, view, limits)
  historyReplayRoute(server, view, limits)
  destinationRoutes(server, view, limits)
  openApiRoute(server)
}
