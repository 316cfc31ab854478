/** What happened to a message, as steps with their times. Pure: facts in, steps out. */
import type { KeptDeadLetter } from '../../channels/dead-letters/dead-letter-record.ts'
import type { Attempt } from '../../delivery/batches/attempt-trail.ts'
import type { Story } from '../../http/api/shapes/messages.ts'
import { timeText } from '../../iso-time.ts'
import { printable } from '../../shown-text.ts'
import { counted } from '../../units.ts'
import type { RecentRefusal } from './recent-refusals.ts'
import { type DestinationFacts, receiptSentence, type StoredFacts } from './sentences.ts'

export type ToldMessage = Story['messages'][number]
type Step = ToldMessage['steps'][number]

/** With more attempts, only the first and the last ones are listed. */
const MAX_ATTEMPTS_LISTED = 6

export function storedStory(facts: StoredFacts): ToldMessage {
  const { channel, message, destinations, drops } = facts
  const { offset, receivedAt, topic, senderId, messageId } = message
  const from = senderId && senderId !== messageId ? `, sender’s id ${senderId}` : ''
  const steps = [
    step(receivedAt, 'came', `Came on topic ${topic}${from}.`),
    step(undefined, 'stored', `Stored in channel ${channel} at offset ${offset}, as ${messageId}.`),
    ...inOrder([...destinations.flatMap(attemptSteps), ...drops.map(lossStep)]),
    ...destinations.flatMap((destination) => openSteps(destination, facts)),
  ]
  if (destinations.length === 0) {
    steps.push(step(undefined, 'note', 'There is no destination: it stays in the local store.'))
  }
  const receipt = receiptSentence(facts)
  if (receipt !== undefined) steps.push(step(undefined, 'receipt', receipt))
  return { channel, offset, steps }
}

export function letterStory(letter: KeptDeadLetter): ToldMessage {
  const { channel, destination, refusal, topic, receivedAt, keptAt, offset } = letter
  const reason = `${refusal.error}: ${refusal.message}`
  return {
    channel,
    offset: null,
    steps: [
      step(receivedAt, 'came', `Came on topic ${topic} for channel ${channel}.`),
      step(keptAt, 'lost', `Rejected by ${destination ?? 'routing'}: ${reason}`),
      step(undefined, 'note', `Kept as dead letter ${offset}; a replay sends it again.`),
    ],
  }
}

export function refusedStory(refusals: readonly RecentRefusal[]): ToldMessage {
  return { channel: null, offset: null, steps: refusals.map(lossStep) }
}

function attemptSteps({ name, attempts }: DestinationFacts): Step[] {
  const steps = attempts.map((attempt) => attemptStep(name, attempt))
  const left = steps.length - MAX_ATTEMPTS_LISTED
  if (left > 0) {
    const more = step(undefined, 'note', `${counted(left, 'more attempt')} for ${name}.`)
    steps.splice(1, left, { ...more, at: steps[1]?.at ?? null })
  }
  return steps
}

function attemptStep(name: string, { at, durationMs, result, refusal }: Attempt): Step {
  const took = `answered after ${Math.round(durationMs)} ms`
  const reason = refusal === undefined ? '' : `: ${refusal.error}: ${refusal.message}`
  if (result === 'accepted') return step(at, 'delivered', `Sent to ${name}: accepted, ${took}.`)
  if (result === 'rejected') {
    return step(at, 'lost', `Sent to ${name}: rejected, ${took}${reason}`)
  }
  return step(at, 'sent', `Sent to ${name}: not accepted, to be sent again, ${took}${reason}`)
}

/** What is not over, or not known. */
function openSteps(
  { name, state, before, attempts }: DestinationFacts,
  facts: StoredFacts,
): Step[] {
  if (state === 'waiting') {
    const text = `Waits for ${name}, with ${counted(before, 'message')} before it.`
    return [step(undefined, 'waiting', text)]
  }
  if (state === 'in flight') {
    return [step(undefined, 'waiting', `In a batch that is being sent to ${name} now.`)]
  }
  const isExplained = attempts.some(({ result }) => result !== 'kept') || facts.drops.length > 0
  if (isExplained) return []
  const since = timeText(facts.trailSince)
  const text = `Settled for ${name}: delivered, unless it is among the dead letters. Attempts before ${since}, and all but the last 10,000 batches, are not remembered.`
  return [step(undefined, 'note', text)]
}

function lossStep({ at, refusal }: Pick<RecentRefusal, 'at' | 'refusal'>): Step {
  return step(at, 'lost', `Refused or dropped: ${refusal.error}: ${refusal.message}`)
}

function step(at: number | undefined, kind: Step['kind'], text: string): Step {
  return { at: at === undefined ? null : timeText(at), kind, text: printable(text) }
}

function inOrder(steps: readonly Step[]): Step[] {
  return [...steps].sort((one, other) => ((one.at ?? '') < (other.at ?? '') ? -1 : 1))
}
