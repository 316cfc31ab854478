/** The tasks of `broker-load.ts`, for any MQTT server, and its result. */

interface Target {
  readonly port: number
}

/**
 * At the highest rate; the last packet of each connection is a ping that must be answered.
 */
export interface PublishTask extends Target {
  readonly kind: 'publish'
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly messages: number
  /** Sent before the clock starts, so that the server's code has been compiled. */
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

/** CONNECT, CONNACK, and then a DISCONNECT. */
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
