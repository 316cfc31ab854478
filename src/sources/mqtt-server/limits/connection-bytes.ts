/** The bytes that connections hold. Each kind has a bound for all connections together. */
import { limitBufferPool } from './buffer-pool.ts'
import type { MqttLimits } from './limits.ts'
import { PartialPackets } from './partial-packets.ts'
import { SharedBound } from './shared-bound.ts'

/**
 * A client's packets may take a multiple of `maxHeldBytes`: its socket is paused above it, and what
 * has been read by then still comes, which may be this much at least.
 */
const HELD_TIMES = 16
const LEAST_HELD_BYTES = 65_536
/** How much of the bound the topic aliases of one client may take while all of it is free. */
const ALIAS_PORTION = 1 / 64

export class ConnectionBytes {
  /** Bytes on their way out, which wait in the sockets. */
  readonly outgoing: SharedBound
  /** Packets that have arrived and wait to be handled. */
  readonly held: SharedBound
  /** Packets that have arrived in part. */
  readonly partial: PartialPackets
  /** What is kept for topic aliases. */
  readonly aliases: SharedBound

  constructor(limits: MqttLimits) {
    const { maxOutgoingBytes, maxOutgoingBytesOfAll, maxHeldBytes, maxHeldBytesOfAll } = limits
    const mostHeld = HELD_TIMES * Math.max(LEAST_HELD_BYTES, maxHeldBytes)
    limitBufferPool()
    this.outgoing = boundFor(maxOutgoingBytesOfAll, maxOutgoingBytes)
    this.held = boundFor(maxHeldBytesOfAll, mostHeld)
    this.partial = new PartialPackets(limits.maxPartialBytesOfAll)
    this.aliases = new SharedBound(limits.maxTopicAliasBytesOfAll, ALIAS_PORTION)
  }
}

function boundFor(max: number, mostOfOne: number): SharedBound {
  return new SharedBound(max, SharedBound.portionFor(max, mostOfOne))
}
