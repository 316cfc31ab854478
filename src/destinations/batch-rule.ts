/** The batch rule of a destination: what its protocol allows, and what the user has set. */
import { ConnectorError } from '../errors.ts'
import { formatSize } from '../units.ts'
import type { BatchOptions } from './batch-options.ts'
import type { BatchRule } from './destination.ts'

export interface BatchLimits {
  readonly defaults: {
    readonly messages: number
    /** Payload bytes. */
    readonly bytes: number
    readonly intervalMs: number
  }
  /** What a batch of this destination can hold at most. */
  readonly most: { readonly messages: number; readonly bytes: number }
  readonly hasDistinctIds?: boolean
  readonly isPlanned?: boolean
}

/**
 * @param place where the destination's options are in the configuration: `destinations[0].kafka`
 * @throws {ConnectorError} InvalidConfiguration if the user's values exceed the limits
 */
export function batchRuleOf(batch: BatchOptions, place: string, limits: BatchLimits): BatchRule {
  const { defaults, most, hasDistinctIds = false, isPlanned = false } = limits
  const { messages = defaults.messages, bytes = defaults.bytes, interval } = batch
  if (messages > most.messages) throw tooMany('messages', place, messages, most.messages)
  if (bytes > most.bytes) throw tooMany('bytes', place, formatSize(bytes), formatSize(most.bytes))
  const intervalMs = interval ?? defaults.intervalMs
  return { maxMessages: messages, maxBytes: bytes, intervalMs, hasDistinctIds, isPlanned }
}

function tooMany(
  key: keyof BatchLimits['most'],
  place: string,
  given: number | string,
  most: number | string,
): ConnectorError {
  const dot = place.lastIndexOf('.')
  const kind = place.slice(dot + 1)
  return new ConnectorError(
    'InvalidConfiguration',
    `${place.slice(0, dot)}.batch.${key}: expected at most ${most}, which is what a batch of ${kind} can hold, but it is ${given}`,
  )
}
