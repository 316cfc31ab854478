/**
 * The one place that decides how the connector is doing, from evidence alone: what the store,
 * sources and destinations say now, and what was lost in the last minute.
 *
 *     critical   messages are refused, lost or rejected
 *     warning    something fails, and nothing is lost yet
 *     ok         neither
 */
import type { StoreLedger } from '../channels/ledger/ledger.ts'
import { durationText } from '../channels/ledger/outage-forecast.ts'
import type { ErrorCode } from '../errors.ts'
import type { HealthLevel, SourceHealth } from '../http/views/connector-view.ts'
import type { DestinationHealth } from '../http/views/destinations-view.ts'
import type { RecentLosses, RecentOutcome } from './loss-watch.ts'

export interface SourceEvidence {
  readonly health: SourceHealth
  /** Something may be wrong while messages do come in. */
  readonly problem: string | undefined
}

export interface Evidence {
  readonly nowMs: number
  readonly store: Pick<StoreLedger, 'state'>
  readonly losses: RecentLosses
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
const SENDERS_FAULTS: ReadonlySet<string> = new Set<ErrorCode>([
  'InvalidMessage',
  'InvalidChannelName',
  'InvalidTopic',
  'MessageTooLarge',
  'DuplicateMessageId',
  'NotAuthorized',
])

/** What is wrong, the worst first. */
export function findings(evidence: Evidence): Finding[] {
  const all = [
    ...ofStore(evidence),
    ...ofChannels(evidence),
    ...ofLosses(evidence.losses),
    ...evidence.losses.outcomes.flatMap(ofOutcome),
    ...evidence.destinations.flatMap((destination) => ofDestination(destination, evidence.nowMs)),
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

function ofLosses({ dropped, withheld, deadLettersLost }: RecentLosses): Finding[] {
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
  if (deadLettersLost > 0) {
    found.push({
      level: 'critical',
      verdict: 'losing dead letters',
      problem: `${figure(deadLettersLost)} dead letters were given up in the last minute, because deadLetters has no more room.`,
    })
  }
  return found
}

function ofOutcome({ destination, delivered, rejected }: RecentOutcome): Finding[] {
  if (rejected <= 0) return []
  const accepted = delivered === 0 ? 'accepted none' : `accepted ${figure(delivered)}`
  return [
    {
      level: delivered === 0 ? 'critical' : 'warning',
      verdict: `${destination} rejects messages`,
      problem: `${destination} rejected ${figure(rejected)} in the last minute and ${accepted}. See dead-letters for the reasons.`,
    },
  ]
}

function ofDestination({ name, state, since }: DestinationHealth, nowMs: number): Finding[] {
  if (state === 'working') return []
  return [{ level: 'warning', verdict: `${name} away${forTime(since, nowMs)}` }]
}

function ofSource({ health, problem }: SourceEvidence, nowMs: number): Finding[] {
  const { name, state, since } = health
  if (state === 'connected') {
    return problem === undefined ? [] : [{ level: 'warning', verdict: `${name} has a problem` }]
  }
  return [{ level: 'warning', verdict: `${name} ${state}${forTime(since, nowMs)}` }]
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
