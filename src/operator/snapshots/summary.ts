/** The verdict in up to three sentences: what is wrong, what is lost, how long it may last. */
import { countText } from '../../format/count.ts'
import { roughDurationText } from '../../format/duration.ts'
import type { Level, Lost, OutageLeft } from '../../http/api/shapes/basics.ts'

export interface SummaryFacts {
  readonly level: Level
  /** A few words, such as `archive away for 24 s`. */
  readonly text: string
  readonly lost: Lost
  readonly outageLeft: OutageLeft | null
  /** Whether every destination works; true without destinations. */
  readonly isDelivering: boolean
  /** Names of sources and destinations, with which `text` may begin. */
  readonly names: readonly string[]
}

export function summaryOf(facts: SummaryFacts): string {
  const { level, lost, outageLeft, isDelivering } = facts
  const sentences = [level === 'ok' ? 'Everything works.' : `${opening(facts)}.`]
  if (lost.hour > 0) sentences.push(lossSentence(lost))
  else if (level === 'warning') sentences.push('Nothing is lost.')
  if (!isDelivering && outageLeft !== null) {
    sentences.push(`${roughDurationText(outageLeft.seconds)} left until ${outageLeft.bound}.`)
  }
  return sentences.join(' ')
}

/** A name stays as it is written. */
function opening({ text, names }: SummaryFacts): string {
  if (names.some((name) => text.startsWith(name))) return text
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function lossSentence({ hour, code }: Lost): string {
  const messages = hour === 1 ? '1 message was' : `${countText(hour)} messages were`
  return `${messages} lost in the last hour${code === null ? '' : ` (${code})`}.`
}
