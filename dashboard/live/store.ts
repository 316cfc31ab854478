/**
 * What the connector said last, one signal for each topic. Every page reads from here, so two pages
 * never disagree. Only `events.ts` writes.
 */
import { signal } from '@preact/signals'
import type { ChannelTable } from '../../src/http/api/shapes/channels.ts'
import type { ClientList } from '../../src/http/api/shapes/clients.ts'
import type { DestinationList } from '../../src/http/api/shapes/destinations.ts'
import type { Ledger } from '../../src/http/api/shapes/ledger.ts'
import type { Tail } from '../../src/http/api/shapes/messages.ts'
import type { Overview } from '../../src/http/api/shapes/overview.ts'
import type { Hello } from '../../src/http/api/shapes/session.ts'

/** Undefined until the first event of the topic has come. */
export const hello = signal<Hello | undefined>(undefined)
export const overview = signal<Overview | undefined>(undefined)
export const channels = signal<ChannelTable | undefined>(undefined)
export const destinations = signal<DestinationList | undefined>(undefined)
export const clients = signal<ClientList | undefined>(undefined)
export const ledger = signal<Ledger | undefined>(undefined)

/** The events of tails pass by and are not kept: a page that shows a channel keeps what it shows. */
const tailListeners = new Set<(tail: Tail) => void>()

export function onTail(listener: (tail: Tail) => void): () => void {
  tailListeners.add(listener)
  return () => tailListeners.delete(listener)
}

export function passTail(tail: Tail): void {
  for (const listener of tailListeners) listener(tail)
}
