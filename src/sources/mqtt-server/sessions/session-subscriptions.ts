/** The subscriptions of one session by their filter, and what they take of its limits. */
import type { MqttLimits } from '../limits/limits.ts'
import type { SubscriptionOptions } from '../packets/subscribe-packet.ts'
import { isSharedFilter } from '../packets/topic.ts'
import { levelsOf } from '../topics/subscriptions.ts'

export class SessionSubscriptions extends Map<string, SubscriptionOptions> {
  /** Of all filters, in UTF-8. */
  filterBytes = 0
  /** Of all filters. */
  levels = 0
  sharedCount = 0

  /** Whether one more subscription keeps within the limits of a client. */
  hasRoomFor(filter: string, limits: MqttLimits): boolean {
    if (levelsOf(filter) > limits.maxTopicLevels) return false
    if (this.size >= limits.maxSubscriptionsPerClient) return false
    if (this.filterBytes + Buffer.byteLength(filter) > limits.maxFilterBytesPerClient) return false
    return !isSharedFilter(filter) || this.sharedCount < limits.maxSharedSubscriptionsPerClient
  }

  override set(filter: string, options: SubscriptionOptions): this {
    if (!this.has(filter)) this.#count(filter, 1)
    return super.set(filter, options)
  }

  override delete(filter: string): boolean {
    if (!super.delete(filter)) return false
    this.#count(filter, -1)
    return true
  }

  override clear(): void {
    super.clear()
    this.filterBytes = 0
    this.levels = 0
    this.sharedCount = 0
  }

  #count(filter: string, sign: 1 | -1): void {
    this.filterBytes += sign * Buffer.byteLength(filter)
    this.levels += sign * levelsOf(filter)
    if (isSharedFilter(filter)) this.sharedCount += sign
  }
}
