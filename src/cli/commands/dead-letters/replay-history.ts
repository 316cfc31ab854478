/** `replay --channel … --from …`: sends stored messages of a channel again. */

import { setTimeout } from 'node:timers/promises'
import { messageOf } from '../../../errors.ts'
import { printable, safeJson } from '../../../shown-text.ts'
import { counted } from '../../../units.ts'
import type { ConnectorClient } from '../../connector-client.ts'

export interface HistoryRange {
  readonly channel: string
  /** As the HTTP API takes it. */
  readonly from: string
  readonly to: string | undefined
  readonly isDryRun: boolean
}

export interface HistorySum {
  readonly text: string
  /** The same as one line of JSON. */
  readonly json: string
  readonly isComplete: boolean
}

/** While messages of the channel wait for a destination, the connector takes no more. */
const PAUSE_MS = 500

type Point = string | number | undefined

/** @param report is called once if the replay has to wait for the destinations */
export async function replayHistory(
  connector: ConnectorClient,
  { channel, from: start, to: end, isDryRun }: HistoryRange,
  report: (text: string) => void,
): Promise<HistorySum> {
  const path = `/api/v1/channels/${encodeURIComponent(channel)}/replay`
  const sum: Sum = { matched: 0, replayed: 0, duplicates: 0, first: undefined }
  let from: Point = start
  let to: Point = end
  let hasWaited = false
  for (;;) {
    const answer = await ask(connector, path, { from, to, dryRun: isDryRun }, sum.replayed)
    sum.matched += Number(answer.get('matched'))
    sum.replayed += Number(answer.get('replayed'))
    sum.duplicates += Number(answer.get('duplicates'))
    sum.first ??= answer.get('firstReceivedAt')
    const next = answer.get('next')
    to = Number(answer.get('to'))
    const stopped = answer.get('stopped')
    if (stopped !== null && typeof stopped === 'object') {
      const { error, error_message } = stopped as { error: unknown; error_message: unknown }
      const text = `${sumText(sum, isDryRun)}stopped: ${error}: ${error_message}\n${continueText(channel, Number(next), to)}`
      const left = { error, error_message, from: Number(next), to }
      return {
        text: printableLines(text),
        json: sumJson(sum, isDryRun, left),
        isComplete: false,
      }
    }
    if (typeof next !== 'number') {
      return { text: sumText(sum, isDryRun), json: sumJson(sum, isDryRun), isComplete: true }
    }
    if (next === from || Number(answer.get('matched')) === 0) {
      if (!hasWaited) report(waitText(Number(answer.get('waiting'))))
      hasWaited = true
      await setTimeout(PAUSE_MS, undefined, { signal: connector.signal })
    }
    from = next
  }
}

async function ask(
  connector: ConnectorClient,
  path: string,
  body: { readonly from: Point; readonly to: Point; readonly dryRun: boolean },
  replayed: number,
): Promise<ReadonlyMap<string, unknown>> {
  try {
    return new Map<string, unknown>(Object.entries((await connector.post(path, body)) ?? {}))
  } catch (error) {
    if (replayed === 0 || !(error instanceof Error)) throw error
    const { from, to } = body
    error.message = `${messageOf(error)} Sent again so far: ${replayed}. To continue, use --from ${from} --to ${to}; up to 10,000 messages may be sent once more.`
    throw error
  }
}

interface Sum {
  matched: number
  replayed: number
  duplicates: number
  first: unknown
}

/** @param stopped why it stopped half way, and the range that is left */
function sumJson(sum: Sum, isDryRun: boolean, stopped?: object): string {
  const { matched, replayed, duplicates, first: firstReceivedAt } = sum
  const fields = { dryRun: isDryRun, matched, replayed, duplicates, firstReceivedAt, stopped }
  return `${safeJson(JSON.stringify(fields))}\n`
}

function sumText(sum: Sum, isDryRun: boolean): string {
  const since = typeof sum.first === 'string' ? `, the first of ${sum.first}` : ''
  if (isDryRun) return `${sum.matched} would be sent again${since}\n`
  const lines = [`sent again: ${sum.replayed} of ${sum.matched}${since}`]
  if (sum.duplicates > 0) {
    lines.push(`not sent, because the channel’s deduplication knows their ids: ${sum.duplicates}`)
  }
  return `${lines.join('\n')}\n`
}

function continueText(channel: string, from: number, to: number): string {
  return `to continue: replay --channel ${channel} --from ${from} --to ${to}\n`
}

function waitText(waiting: number): string {
  return `waiting: ${counted(waiting, 'message')} of the channel on the way to the destinations\n`
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}
