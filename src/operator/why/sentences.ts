/** A message's story in sentences. Pure: facts come in, sentences go out. */

import type { Attempt } from '../../delivery/attempt-trail.ts'
import { timeText } from '../../iso-time.ts'
import type { Message, Refusal } from '../../message.ts'

/** How far one destination is with a message. */
export interface DestinationFacts {
  readonly name: string
  readonly isPrimary: boolean
  readonly state: 'waiting' | 'in flight' | 'settled'
  /** Messages of the channel that wait before it. */
  readonly before: number
  readonly attempts: readonly Attempt[]
}

export interface StoredFacts {
  readonly channel: string
  readonly message: Message
  /** The primary first. */
  readonly destinations: readonly DestinationFacts[]
  /** Why it was dropped, if that is remembered. */
  readonly drops: readonly { readonly at: number; readonly refusal: Refusal }[]
  /** When the trail of attempts begins; milliseconds since 1970. */
  readonly trailSince: number
  readonly reports: 'all' | 'failures' | 'none'
}

/** Of many attempts the first and the last are told. */
const MAX_ATTEMPTS_TOLD = 6

export function storedSentences(facts: StoredFacts): string[] {
  const { channel, message, destinations, drops } = facts
  const ids = [`message id ${message.messageId}`]
  if (message.senderId && message.senderId !== message.messageId) {
    ids.push(`sender’s id ${message.senderId}`)
  }
  const sentences = [
    `Received ${timeText(message.receivedAt)} on topic ${message.topic}, stored in channel ${channel} at offset ${message.offset} (${ids.join(', ')}).`,
  ]
  if (destinations.length === 0) {
    sentences.push('There is no destination: the local store is where it stays.')
  }
  for (const destination of destinations)
    sentences.push(...destinationSentences(destination, facts))
  for (const { at, refusal } of drops) sentences.push(dropSentence(at, refusal))
  const receipt = receiptSentence(facts)
  return receipt === undefined ? sentences : [...sentences, receipt]
}

export function dropSentence(at: number, { error, message }: Refusal): string {
  return `Refused or dropped ${timeText(at)}: ${error}: ${message}`
}

function destinationSentences(destination: DestinationFacts, facts: StoredFacts): string[] {
  const { name, attempts, state, before } = destination
  const told = attempts.map((attempt) => attemptSentence(name, attempt))
  const left = told.length - MAX_ATTEMPTS_TOLD
  if (left > 0) told.splice(1, left, `… and ${left} more attempts for ${name}.`)
  if (state === 'waiting') told.push(`It waits for ${name}; ${before} messages wait before it.`)
  if (state === 'in flight') told.push(`It is in a batch being sent to ${name} now.`)
  const isExplained = attempts.some(({ result }) => result !== 'kept') || facts.drops.length > 0
  if (state === 'settled' && !isExplained) {
    told.push(
      `It is settled for ${name}: delivered, unless the dead letters tell otherwise. How is not remembered: the trail of attempts begins ${timeText(facts.trailSince)} and holds the last 10,000 batches.`,
    )
  }
  return told
}

function attemptSentence(name: string, { at, durationMs, result, refusal }: Attempt): string {
  const start = `Sent to ${name} ${timeText(at)}, answered after ${Math.round(durationMs)} ms: `
  const reason = refusal === undefined ? '' : `: ${refusal.error}: ${refusal.message}`
  if (result === 'accepted') return `${start}accepted.`
  if (result === 'rejected') return `${start}refused for good${reason}`
  return `${start}not taken, to be sent again${reason}`
}

function receiptSentence({ destinations, reports, drops }: StoredFacts): string | undefined {
  const primary = destinations.find(({ isPrimary }) => isPrimary)
  const last = primary?.attempts.at(-1)
  const failure = last?.result === 'rejected' ? last.refusal : drops.at(-1)?.refusal
  if (failure !== undefined && reports !== 'none') {
    return `Its receipt said fail, ${failure.error}, to whoever listened.`
  }
  const isSuccess = last?.result === 'accepted' || destinations.length === 0
  if (isSuccess && reports === 'all') return 'Its receipt said success, to whoever listened.'
  if (isSuccess || failure !== undefined) return `It gets no receipt: StatusReports is ${reports}.`
  return primary?.state === 'settled' ? undefined : 'Its receipt has not been given yet.'
}
