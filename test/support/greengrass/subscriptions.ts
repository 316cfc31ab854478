/** Who gets what is published, on the local bus and from AWS IoT Core. */
import { matches } from '../mqtt/topic-matching.ts'
import type { Character } from './character.ts'
import { IpcError } from './ipc-error.ts'

export interface Subscription {
  readonly bus: 'local' | 'cloud'
  readonly component: string
  readonly filter: string
  /** As the subscriber asked for it. */
  readonly receiveMode?: string | undefined
  /** Returns whether the event could be delivered. */
  readonly deliver: (event: unknown) => boolean
}

export interface Publication {
  readonly bus: 'local' | 'cloud'
  /** Undefined for what comes from the cloud. */
  readonly component: string | undefined
  readonly topic: string
  readonly event: unknown
  /** Each matching subscription breaks over it. */
  readonly isUndeliverable?: boolean
}

export class Subscriptions {
  readonly #character: Character
  readonly #all = new Set<Subscription>()

  constructor(character: Character) {
    this.#character = character
  }

  /** Returns what ends the subscription. */
  add(subscription: Subscription): () => void {
    if (this.#all.size >= this.#character.maxSubscriptions) throw new IpcError('ServiceError')
    this.#all.add(subscription)
    return () => this.#all.delete(subscription)
  }

  /** The filters of a component's subscriptions that are alive, in order. */
  filtersOf(component: string): string[] {
    return [...this.#all].filter((each) => each.component === component).map(({ filter }) => filter)
  }

  /** One message that cannot be delivered silently ends every subscription that it matches. */
  publish(publication: Publication): void {
    for (const subscription of this.#all) {
      if (!this.#wants(subscription, publication)) continue
      const isDelivered =
        publication.isUndeliverable !== true && subscription.deliver(publication.event)
      if (!isDelivered) this.#all.delete(subscription)
    }
  }

  /** Forgets all subscriptions silently: their streams stay open, and nothing comes on them. */
  drop(): void {
    this.#all.clear()
  }

  #wants(subscription: Subscription, { bus, component, topic }: Publication): boolean {
    const { filter, receiveMode } = subscription
    if (subscription.bus !== bus || !matches(filter, topic)) return false
    if (subscription.component !== component || !this.#character.honoursReceiveMode) return true
    if (receiveMode === undefined) return !/[+#]/.test(filter)
    return receiveMode !== 'RECEIVE_MESSAGES_FROM_OTHERS'
  }
}
