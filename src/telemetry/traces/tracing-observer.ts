/**
 * Makes a trace of every batch, and one of every commit, out of what the pipeline reports:
 *
 *     deliver my_channel   ├──── from the arrival of the first message to the answer ────┤
 *       send iotAnalytics                                            ├─── the attempt ───┤
 *     commit                 ├──┤
 *
 * Without traces this observer is not there, so they cost nothing.
 */
import type { Clock } from '../../clock.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { Attributes, Span } from './span.ts'

export interface TracingOptions {
  readonly next: PipelineObserver
  readonly clock: Clock
  readonly random: () => number
  /** The part of the traces that is kept, from 0 to 1. */
  readonly ratio: number
  readonly add: (...spans: readonly Span[]) => void
}

/** @param options.next an object with methods of its own, as `emittingObserver` makes */
export function tracingObserver(options: TracingOptions): PipelineObserver {
  const { next, clock, random, ratio, add } = options
  const isKept = () => random() < ratio
  const id = (digits: number) => hexOf(random, digits)
  return {
    ...next,
    committed(messages, bytes, durationMs) {
      next.committed(messages, bytes, durationMs)
      if (!isKept()) return
      const endMs = clock.now()
      const attributes = { 'messaging.batch.message_count': messages, 'connector.bytes': bytes }
      const times = { startMs: endMs - durationMs, endMs }
      const ids = { traceId: id(32), spanId: id(16) }
      add({ ...ids, ...times, name: 'commit', isRequest: false, attributes })
    },
    batchSent(channel, destination, messages, durationMs, firstReceivedAt) {
      next.batchSent(channel, destination, messages, durationMs, firstReceivedAt)
      if (!isKept()) return
      const endMs = clock.now()
      const sentMs = endMs - durationMs
      const startMs = Math.min(firstReceivedAt ?? sentMs, sentMs)
      const root = { traceId: id(32), spanId: id(16) }
      const attributes = {
        ...attributesOf(channel, destination),
        'messaging.batch.message_count': messages,
      }
      const deliver = { ...root, name: `deliver ${channel}`, isRequest: false, attributes }
      const ids = { traceId: root.traceId, spanId: id(16), parentSpanId: root.spanId }
      const send = { ...ids, name: `send ${destination}`, isRequest: true, attributes }
      add({ ...deliver, startMs, endMs }, { ...send, startMs: sentMs, endMs })
    },
    batchRetried(channel, destination, error, delayMs) {
      next.batchRetried(channel, destination, error, delayMs)
      if (!isKept()) return
      const now = clock.now()
      add({
        traceId: id(32),
        spanId: id(16),
        name: `send ${destination}`,
        isRequest: true,
        startMs: now,
        endMs: now,
        attributes: { ...attributesOf(channel, destination), 'error.type': error.code },
        error: error.message,
      })
    },
  }
}

function attributesOf(channel: string, destination: string): Attributes {
  return { 'messaging.destination.name': channel, 'connector.destination': destination }
}

/** Never all zeros, which OTLP does not allow. */
function hexOf(random: () => number, digits: number): string {
  const eight = () => (Math.floor(random() * 0xffff_fffe) + 1).toString(16).padStart(8, '0')
  return Array.from({ length: digits / 8 }, eight).join('')
}
