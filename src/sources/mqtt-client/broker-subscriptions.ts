/**
 * Our subscriptions on one connection. A filter that the broker refuses is reported and requested
 * again, because its access list may be corrected; the other filters work meanwhile.
 */
import type { IClientSubscribeOptions, MqttClient } from 'mqtt'
import { shownUrl } from '../../addresses.ts'
import type { Clock, Timer } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import { retryDelayMs } from '../retry-delay.ts'
import type { MqttClientOptions } from './options.ts'

export interface BrokerSubscriptionsOptions {
  readonly client: MqttClient
  readonly options: MqttClientOptions
  readonly filters: readonly string[]
  /**
   * Whether messages carry the identifier of their filter: its place in `filters`, counted from 1.
   */
  readonly isIdentified: boolean
  readonly clock: Clock
  readonly random: () => number
  readonly refused: (error: ConnectorError, delayMs: number) => void
  /**
   * Every filter is subscribed; for those in `weakened` the broker granted a lower QoS than asked.
   */
  readonly complete: (weakened: readonly string[]) => void
}

export class BrokerSubscriptions {
  readonly #options: BrokerSubscriptionsOptions
  #missing: readonly string[]
  readonly #weakened: string[] = []
  #attempt = 0
  #timer: Timer | undefined
  #stopped = false

  constructor(options: BrokerSubscriptionsOptions) {
    this.#options = options
    this.#missing = options.filters
  }

  async subscribe(): Promise<void> {
    const answers = await Promise.all(
      this.#missing.map(async (filter) => ({ filter, isGranted: await this.#ask(filter) })),
    )
    if (this.#stopped) return
    this.#missing = answers.filter(({ isGranted }) => !isGranted).map(({ filter }) => filter)
    if (this.#missing.length === 0) this.#options.complete(this.#weakened)
    else this.#askAgainLater()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #askAgainLater(): void {
    const { clock, random, options, refused } = this.#options
    const delayMs = retryDelayMs(this.#attempt, random())
    this.#attempt += 1
    const filters = this.#missing.map((filter) => `"${filter}"`).join(', ')
    const error = new ConnectorError(
      'SubscriptionRefused',
      `the broker ${shownUrl(options.url)} refused to let us subscribe to ${filters}; ` +
        `its access list must allow that to user ${options.username ?? '(none)'}`,
    )
    this.#timer = clock.after(delayMs, () => void this.subscribe())
    refused(error, delayMs)
  }

  /** Resolves to false if the broker refused or the connection ended meanwhile. */
  #ask(filter: string): Promise<boolean> {
    const { client, options } = this.#options
    const topic =
      options.shareGroup === undefined ? filter : `$share/${options.shareGroup}/${filter}`
    return new Promise((resolve) => {
      client.subscribe(topic, this.#settings(filter), (error, granted) => {
        if (!error && granted?.some(({ qos }) => qos < options.qos)) this.#weakened.push(filter)
        resolve(!error)
      })
    })
  }

  #settings(filter: string): IClientSubscribeOptions {
    const { qos, protocolVersion, shareGroup, retained } = this.#options.options
    if (protocolVersion !== 5) return { qos }
    return {
      qos,
      // Our own receipts must not come back. A shared subscription may not ask for that
      // [MQTT-3.8.3-4]; there they are recognized by their user property.
      nl: shareGroup === undefined,
      rh: retained === 'ignore' ? 2 : 0,
      ...(this.#options.isIdentified && {
        properties: { subscriptionIdentifier: this.#options.filters.indexOf(filter) + 1 },
      }),
    }
  }
}
