/** Takes away subscriptions that a client may not have any more: its rules, or its user, have changed. */

import type { Permissions } from '../access/access-control.ts'
import type { Broker } from '../broker/broker.ts'
import { isSharedFilter, parseSharedFilter } from '../packets/topic.ts'
import type { Session } from '../sessions/session.ts'

export function maySubscribe(permissions: Permissions, filter: string): boolean {
  const inner = isSharedFilter(filter) ? parseSharedFilter(filter)?.filter : filter
  return inner !== undefined && permissions.maySubscribe(inner)
}

export function dropForbiddenSubscriptions(
  broker: Broker,
  session: Session,
  permissions: Permissions,
): void {
  for (const filter of [...session.subscriptions.keys()]) {
    if (maySubscribe(permissions, filter)) continue
    session.subscriptions.delete(filter)
    broker.subscriptions.remove(session, filter)
    session.record?.unsubscribed(filter)
  }
}
