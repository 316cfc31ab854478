/** The last deliveries before the end, until a deadline. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ChannelSet } from '../channels/channel-set.ts'
import type { DestinationDelivery } from '../delivery/destination-delivery.ts'

/** What happened to the messages that were waiting when the connector was stopped. */
export interface StopReport {
  readonly delivered: number
  /** On disk, for the next start … */
  readonly kept: number
  /** … or, with durability `memory`, gone. */
  readonly lost: number
}

export interface DrainingOptions {
  readonly channels: ChannelSet
  readonly deliveries: readonly DestinationDelivery[]
  readonly deadlineMs: number
  /** What is not delivered stays on disk: then a destination that fails is not waited for. */
  readonly isKept: boolean
}

/** Nothing new may come in any more when this is called. */
export async function drain(options: DrainingOptions): Promise<StopReport> {
  const { channels, deliveries, deadlineMs, isKept } = options
  const before = totalsOf(channels)
  await channels.flush()
  await withDeadline(Promise.all(deliveries.map((delivery) => delivery.drain(isKept))), deadlineMs)
  const after = totalsOf(channels)
  return {
    delivered: after.delivered - before.delivered,
    kept: isKept ? after.left : 0,
    lost: isKept ? 0 : after.left,
  }
}

function totalsOf(channels: ChannelSet): { delivered: number; left: number } {
  let delivered = 0
  let left = 0
  for (const channel of channels.ledger()) {
    delivered += channel.delivered
    left += channel.waiting + channel.inFlight
  }
  return { delivered, left }
}

async function withDeadline(work: Promise<unknown>, deadlineMs: number): Promise<void> {
  const over = new AbortController()
  const deadline = delay(deadlineMs, undefined, { signal: over.signal }).catch(() => {})
  await Promise.race([work, deadline])
  over.abort()
}
