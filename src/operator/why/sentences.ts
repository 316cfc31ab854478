/** What happened to a message, in sentences. Pure: facts in, sentences out. */

import type { Attempt } from '../../delivery/batches/attempt-trail.ts'
import { timeText } from '../../iso-time.ts'
import type { Message, Refusal } from '../../message.ts'
import { counted } from '../../units.ts'

/** The state of a message at one destination. */
export interface DestinationFacts {
  readonly name: string
  readonly isPrimary: boolean
  readonly state: 'waiting' | 'in flight' | 'settled'
  /** The number of messages of the channel that wait before it. */
  readonly before: number
  readonly attempts: readonly Attempt[]
}

export interface StoredFacts {
  readonly channel: string
  readonly message: Message
  /** The primary first. */
  readonly destinations: readonly DestinationFacts[]
  /** Why it was dropped, if the connector remembers. */
  readonly drops: readonly { readonly at: number; readonly refusal: Refusal }[]
  /** When the record of attempts begins; milliseconds since 1970. */
  readonly trailSince: number
  readonly reports: 'all' | 'failures' | 'none'
}

/** With more attempts, only the first and the last ones are listed. */
const MAX_ATTEMPTS_LISTED = 6

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
    sentences.push('There is no destination: the message stays in the local store.')
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
  const sentences = attempts.map((attempt) => attemptSentence(name, attempt))
  const left = sentences.length - MAX_ATTEMPTS_LISTED
  if (left > 0) sentences.splice(1, left, `… and ${counted(left, 'more attempt')} for ${name}.`)
  if (state === 'waiting')
    sentences.push(`It waits for ${name}, with ${counted(before, 'message')} before it.`)
  if (state === 'in flight') sentences.push(`It is in a batch being sent to ${name} now.`)
  const isExplained = attempts.some(({ result }) => result !== 'kept') || facts.drops.length > 0
  if (state === 'settled' && !isExplained) {
    sentences.push(
      `It is settled for ${name}: delivered, unless it is among the dead letters. The attempts are not known: the record of attempts begins ${timeText(facts.trailSince)} and has at most the last 10,000 batches.`,
    )
  }
  return sentences
}

function attemptSentence(name: string, { at, durationMs, result, refusal }: Attempt): string {
  const start = `Sent to ${name} ${timeText(at)}, answered after ${Math.round(durationMs)} ms: `
  const reason = refusal === undefined ? '' : `: ${refusal.error}: ${refusal.message}`
  if (result === 'accepted') return `${start}accepted.`
  if (result === 'rejected') return `${start}rejected${reason}`
  return `${start}not accepted, to be sent again${reason}`
}

export function receiptSentence({ destinations, reports, drops }: StoredFacts): string | undefined {
  const primary = destinations.find(({ isPrimary }) => isPrimary)
  const last = primary?.attempts.at(-1)
  const failure = last?.result === 'rejected' ? last.refusal : drops.at(-1)?.refusal
  if (failure !== undefined && reports !== 'none') {
    return `Its receipt said fail, ${failure.error}.`
  }
  const isSuccess = last?.result === 'accepted' || destinations.length === 0
  if (isSuccess && reports === 'all') return 'Its receipt said success.'
  if (isSuccess || failure !== undefined) return `It gets no receipt: StatusReports is ${reports}.`
  return primary?.state === 'settled' ? undefined : 'It has no receipt yet.'
}
