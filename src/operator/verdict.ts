/**
 * The one place that decides how the connector is doing, from evidence alone: what the store,
 * limits, sources and destinations say now, and what was lost in the last minute.
 *
 *     critical   messages are refused, lost or rejected
 *     warning    something fails, and nothing is lost yet
 *     ok         neither
 */
import type { StoreLedger } from '../channels/ledger/ledger.ts'
import { durationText } from '../channels/ledger/outage-forecast.ts'
import type { ErrorCode, RoomLimit } from '../errors.ts'
import type { HealthLevel, SourceHealth } from '../http/views/connector-view.ts'
import type { DestinationHealth } from '../http/views/destinations-view.ts'
import type { RecentLosses } from './loss-watch.ts'

export interface SourceEvidence {
  readonly health: SourceHealth
  /** Something may be wrong while messages do come in. */
  readonly problem: string | undefined
}

export interface Evidence {
  readonly nowMs: number
  /** A destination of this name is behind if a message waits longer. */
  readonly behindAfterMs: (destination: string) => number
  readonly store: Pick<StoreLedger, 'state'>
  readonly losses: RecentLosses
  /** Limits that have cost messages, or kept them out, and have no room yet. */
  readonly limitsMet: readonly RoomLimit[]
  readonly fullChannels: readonly string[]
  /** Channels whose own files fail, so that they take no messages. */
  readonly setAside: readonly string[]
  readonly sources: readonly SourceEvidence[]
  readonly destinations: readonly DestinationHealth[]
}

export interface Finding {
  readonly level: Exclude<HealthLevel, 'ok'>
  /** A few words, for a badge. */
  readonly verdict: string
  /** A sentence for the operator, unless another part of the health report says it. */
  readonly problem?: string
}

/**
 * Codes of messages that no setting of the connector could have kept: impossible names, missing
 * rights, messages that are too large. They say something about a sender, not about the connector.
 */
export const SENDERS_FAULTS: ReadonlySet<string> = new Set<ErrorCode>([
  'InvalidMessage',
  'InvalidChannelName',
  'InvalidTopic',
  'MessageTooLarge',
  'DuplicateMessageId',
  'NotAuthorized',
])

const MINUTE_MS = 60_000
/** A destination answers sooner; its time limit for one attempt may be longer. */
const UNANSWERED_MS = 5_000

/** What is wrong, the worst first. */
export function findings(evidence: Evidence): Finding[] {
  const all = [
    ...ofStore(evidence),
    ...ofChannels(evidence),
    ...ofLosses(evidence.losses),
    ...evidence.limitsMet.map((limit) => ofLimit(limit, evidence)),
    ...evidence.destinations.flatMap((destination) => ofRejections(destination, evidence)),
    ...evidence.destinations.flatMap((destination) => ofDestination(destination, evidence)),
    ...evidence.sources.flatMap((source) => ofSource(source, evidence.nowMs)),
  ]
  return [
    ...all.filter(({ level }) => level === 'critical'),
    ...all.filter(({ level }) => level === 'warning'),
  ]
}

function ofStore({ store }: Evidence): Finding[] {
  return store.state === 'ok' ? [] : [{ level: 'critical', verdict: `storage ${store.state}` }]
}

function ofChannels({ setAside }: Evidence): Finding[] {
  const [first] = setAside
  if (first === undefined) return []
  const verdict =
    setAside.length === 1 ? `channel ${first} fails` : `${setAside.length} channels fail`
  return [{ level: 'critical', verdict }]
}

function ofLosses(losses: RecentLosses): Finding[] {
  const { dropped, droppedForOthers, withheld, deadLettersLost } = losses
  const reasons = Object.entries(dropped).filter(([code]) => !SENDERS_FAULTS.has(code))
  const found: Finding[] = []
  if (Object.keys(withheld).length > 0) {
    found.push({
      level: 'critical',
      verdict: 'new messages are refused',
      problem: `New messages were not accepted in the last minute (${byCode(Object.entries(withheld))}). Their senders keep them and offer them again.`,
    })
  }
  if (reasons.length > 0) {
    const count = reasons.reduce((sum, [, one]) => sum + one, 0)
    const by = byCode(reasons)
    found.push({
      level: 'critical',
      verdict: 'losing messages',
      problem: `${messages(count)} refused or dropped in the last minute (${by}).`,
    })
  }
  for (const { destination, dropped } of droppedForOthers) {
    const count = Object.values(dropped).reduce((sum, one) => sum + one, 0)
    const by = byCode(Object.entries(dropped))
    found.push({
      level: 'critical',
      verdict: 'losing messages',
      problem: `${messages(count)} dropped in the last minute before ${destination} got them (${by}).`,
    })
  }
  if (deadLettersLost > 0) {
    found.push({
      level: 'critical',
      verdict: 'losing dead letters',
      problem: `${deadLettersLost === 1 ? '1 dead letter was' : `${figure(deadLettersLost)} dead letters were`} given up in the last minute, because deadLetters has no more room.`,
    })
  }
  return found
}

function ofLimit(limit: RoomLimit, { fullChannels }: Evidence): Finding {
  const { setting, problem } = fullLimit(limit, fullChannels)
  return { level: 'critical', verdict: `full: ${setting}`, problem: `${problem} (${setting}).` }
}

function fullLimit(limit: RoomLimit, fullChannels: readonly string[]) {
  const until = 'until a destination takes some'
  const fate = `each new message is refused or takes the place of an older one, ${until}`
  if (limit === 'StorageFull') {
    const problem = `Storage has no room for new messages: they are refused ${until}`
    return { setting: 'storage.maxBytes', problem }
  }
  if (limit === 'MemoryFull') {
    return { setting: 'MemorySize', problem: `Memory has no room for new messages: ${fate}` }
  }
  if (limit === 'ActiveChannelLimit') {
    const problem = 'No further channel can become active: messages to other channels are refused'
    return { setting: 'IotAnalyticsMaxActiveChannels', problem: `${problem} until one has drained` }
  }
  const [first] = fullChannels
  const which =
    fullChannels.length === 1
      ? `Channel ${first} is`
      : `${figure(fullChannels.length)} channels are`
  return { setting: 'IotAnalyticsQueueSizePerChannel', problem: `${which} full: ${fate}` }
}

function ofRejections(destination: DestinationHealth, { losses }: Evidence): Finding[] {
  const { name } = destination
  const verdict = `${name} rejects messages`
  const reasons = 'See dead-letters for the reasons.'
  const { rejectedInARow: count, lastSuccessAt } = destination
  if (count > 0) {
    const which = count === 1 ? 'the last message' : `the last ${figure(count)} messages`
    const problem = `${name} rejected ${which}, and has accepted none since ${lastSuccessAt ?? 'the start'}. ${reasons}`
    return [{ level: rejectsAll(destination) ? 'critical' : 'warning', verdict, problem }]
  }
  const { rejected = 0, delivered = 0 } =
    losses.outcomes.find((outcome) => outcome.destination === name) ?? {}
  if (rejected === 0) return []
  const accepted = delivered === 0 ? 'none' : figure(delivered)
  const problem = `${name} rejected ${figure(rejected)} in the last minute and accepted ${accepted}. ${reasons}`
  return [{ level: 'warning', verdict, problem }]
}

/** Of a destination that rejected the last message: it has accepted none for a minute before. */
function rejectsAll({ lastSuccessAt, lastRejectedAt }: DestinationHealth): boolean {
  if (lastSuccessAt === null || lastRejectedAt === null) return true
  return Date.parse(lastRejectedAt) - Date.parse(lastSuccessAt) >= MINUTE_MS
}

function ofDestination(destination: DestinationHealth, evidence: Evidence): Finding[] {
  const { name, state, since, oldestWaitingAt, unansweredSince } = destination
  const { nowMs, behindAfterMs } = evidence
  const waitedMs = ageOf(oldestWaitingAt, nowMs)
  const isBehind = waitedMs > behindAfterMs(name)
  const waited = durationText(waitedMs / 1000)
  const oldest = isBehind && { problem: `The oldest message for ${name} has waited for ${waited}.` }
  if (state !== 'working') {
    return [{ level: 'warning', verdict: `${name} away${forTime(since, nowMs)}`, ...oldest }]
  }
  const found: Finding[] = []
  const unansweredMs = ageOf(unansweredSince, nowMs)
  if (unansweredMs > UNANSWERED_MS) {
    const ago = durationText(unansweredMs / 1000)
    found.push({
      level: 'warning',
      verdict: `${name}: no result for ${ago}`,
      problem: `A batch sent to ${name} ${ago} ago has no result yet. Its messages are kept.`,
    })
  }
  if (oldest) found.push({ level: 'warning', verdict: `${name} behind by ${waited}`, ...oldest })
  return found
}

function ofSource({ health, problem }: SourceEvidence, nowMs: number): Finding[] {
  const { name, state, since } = health
  if (state === 'connected') {
    return problem === undefined ? [] : [{ level: 'warning', verdict: `${name} has a problem` }]
  }
  return [{ level: 'warning', verdict: `${name} ${state}${forTime(since, nowMs)}` }]
}

function ageOf(time: string | null, nowMs: number): number {
  return time === null ? 0 : Math.max(0, nowMs - Date.parse(time))
}

/** Empty for less than a second. */
function forTime(since: string | null, nowMs: number): string {
  const seconds = since === null ? 0 : Math.floor((nowMs - Date.parse(since)) / 1000)
  return seconds < 1 ? '' : ` for ${durationText(seconds)}`
}

function byCode(counts: readonly (readonly [string, number])[]): string {
  return counts.map(([code, count]) => `${code}: ${figure(count)}`).join(', ')
}

function messages(count: number): string {
  return count === 1 ? '1 message was' : `${figure(count)} messages were`
}

function figure(count: number): string {
  return count.toLocaleString('en')
}
