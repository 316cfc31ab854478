/**
 * Figures of the server under `$SYS/broker/`: clients, subscriptions, messages and bytes. They are
 * retained messages that are updated every few seconds, whether anyone has subscribed or not.
 */

import type { Properties } from '../packets/properties.ts'
import type { Broker } from './broker.ts'

const INTERVAL_MS = 10_000
const NONE: Properties = {}

export interface SystemFigures {
  readonly version: string
  readonly clientsConnected: number
  readonly uptimeS: number
}

export class SystemTopics {
  readonly #broker: Broker
  readonly #published = new Map<string, string>()
  #dueAtMs = Number.NEGATIVE_INFINITY

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /** Publishes the figures that have changed, if they are due. */
  sweep(nowMs: number, figures: () => SystemFigures): void {
    if (nowMs < this.#dueAtMs) return
    this.#dueAtMs = nowMs + INTERVAL_MS
    const { statistics, sessions, subscriptions, retained } = this.#broker
    const { version, clientsConnected, uptimeS } = figures()
    this.#set('version', version)
    this.#set('uptime', `${uptimeS} seconds`)
    this.#set('clients/connected', `${clientsConnected}`)
    this.#set('clients/total', `${sessions.count}`)
    this.#set('subscriptions/count', `${subscriptions.count}`)
    this.#set('retained messages/count', `${retained.count}`)
    this.#set('messages/received', `${statistics.messagesReceived}`)
    this.#set('messages/sent', `${statistics.messagesSent}`)
    this.#set('publish/messages/dropped', `${statistics.messagesDropped}`)
    this.#set('bytes/received', `${statistics.bytesReceived}`)
    this.#set('bytes/sent', `${statistics.bytesSent}`)
  }

  #set(name: string, value: string): void {
    if (this.#published.get(name) === value) return
    this.#published.set(name, value)
    const payload = Buffer.from(value)
    this.#broker.distribute(
      this.#broker.topics.named(`$SYS/broker/${name}`),
      {
        bytes: payload,
        payloadStart: 0,
        end: payload.length,
        qos: 0,
        retain: true,
        properties: NONE,
      },
      undefined,
    )
  }
}
