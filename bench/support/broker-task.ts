/** What `broker-load.ts` can be asked to do to any MQTT server, and what it answers. */

interface Target {
  readonly port: number
}

/**
 * As fast as the server takes them; the last packet of each connection is a ping that must come
 * back.
 */
export interface PublishTask extends Target {
  readonly kind: 'publish'
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly messages: number
  /** Sent before the clock starts, so that the server has been compiled. */
  readonly warmUp: number
  readonly payloadBytes: number
  readonly connections: number
  /** Messages per connection whose exchange is not complete, for QoS 1 and 2. */
  readonly window: number
}

/** One publisher, QoS 0; no more than `window` messages ahead of the slowest subscriber. */
export interface FanOutTask extends Target {
  readonly kind: 'fanOut'
  readonly topic: string
  readonly subscribers: number
  readonly messages: number
  readonly warmUp: number
  readonly payloadBytes: number
  readonly window: number
}

/** CONNECT, CONNACK, and away again with a DISCONNECT. */
export interface StormTask extends Target {
  readonly kind: 'storm'
  readonly connections: number
  readonly warmUp: number
  readonly concurrency: number
}

/** Connects and stays, silent, until standard input ends. */
export interface IdleTask extends Target {
  readonly kind: 'idle'
  readonly connections: number
  readonly concurrency: number
}

export type BrokerTask = PublishTask | FanOutTask | StormTask | IdleTask

export interface BrokerTaskResult {
  /** Messages, deliveries or connections. */
  readonly count: number
  readonly seconds: number
  /** Share of one core that the generator used: near 1 it was the limit. */
  readonly generatorShare: number
}
