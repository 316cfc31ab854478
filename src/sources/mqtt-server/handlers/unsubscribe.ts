/** Handles UNSUBSCRIBE (section 3.10): UNSUBACK with one code per filter. */
import { ReasonCode } from '../packets/protocol.ts'
import { encodeUnsuback, readUnsubscribe } from '../packets/subscribe-packet.ts'
import type { Client } from './client.ts'
import { checkFilter } from './subscribe.ts'

export function handleUnsubscribe(
  { broker, session, link, limits }: Client,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  const { packetId, filters } = readUnsubscribe(bytes, start, end, link.version, limits)
  const codes = filters.map((filter) => {
    broker.work.done++
    if (link.version !== 5) checkFilter(filter)
    if (!session.subscriptions.delete(filter)) return ReasonCode.noSubscriptionExisted
    broker.subscriptions.remove(session, filter)
    session.record?.unsubscribed(filter)
    return ReasonCode.success
  })
  const answer = (): void => link.send(encodeUnsuback(link.version, packetId, codes))
  if (session.record === undefined) answer()
  else broker.commitGate.whenDurable(answer)
}
