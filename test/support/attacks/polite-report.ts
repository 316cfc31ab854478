/** What the process of the polite clients gets to know, and what it reports. */
import type { Way } from './wire-client.ts'

export interface PoliteOptions {
  /** The process that is measured. */
  readonly serverPid: number
  /** How publishers connect, and the topic they publish to. */
  readonly publisher: Way
  readonly topic: string
  /** How the subscriber connects, and its filter; without one there is no subscriber. */
  readonly reader: Way
  readonly filter?: string | undefined
}

export interface PoliteReport {
  readonly published: number
  readonly acknowledged: number
  /** Messages of the publishers that reached the subscriber. */
  readonly received: number
  /** Connections that the server closed, with the last packet it sent. */
  readonly closed: readonly string[]
  /**
   * Measured acknowledgements: how many, and how long they took, without the time in which the
   * server or the client could have run and another program had the processor.
   */
  readonly count: number
  /** The 99th percentile before the attack. */
  readonly calmP99Ms: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}
