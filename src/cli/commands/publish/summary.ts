/** What `publish` says at its end, in words or as JSON. */
import { printable, safeJson } from '../../../shown-text.ts'
import type { Publisher } from './publisher.ts'
import type { ReceiptTally } from './receipt-tally.ts'

export interface Published {
  readonly seconds: number
  readonly publisher: Pick<Publisher, 'sent' | 'acknowledged' | 'refusals' | 'isAcknowledged'>
  /** Undefined if they were not waited for. */
  readonly receipts: ReceiptTally | undefined
}

/** One line of JSON, for programs. `acknowledged` is null at QoS 0. */
export function summaryJson({ seconds, publisher, receipts }: Published): string {
  const { sent, acknowledged, refusals, isAcknowledged } = publisher
  const summary = {
    published: sent,
    seconds: Number(seconds.toFixed(3)),
    acknowledged: isAcknowledged ? acknowledged : null,
    refused: refusals.list(),
    receipts: receipts && {
      success: receipts.succeeded,
      fail: [...receipts.failures].map(([error, { count, message }]) => ({
        error,
        error_message: message,
        count,
      })),
      missing: receipts.open,
    },
  }
  return `${safeJson(JSON.stringify(summary))}\n`
}

export function summaryText({ seconds, publisher, receipts }: Published): string {
  const { sent: count, acknowledged, refusals, isAcknowledged } = publisher
  const pace = count > 1 ? ` in ${seconds.toFixed(2)} s (${Math.round(count / seconds)}/s)` : ''
  const refused = refusals.count > 0 ? `, ${refusals.count} refused` : ''
  const answer = isAcknowledged ? `, ${acknowledged} acknowledged` : ''
  const lines = [`published ${count}${pace}${answer}${refused}`, ...refusals.lines()]
  if (receipts !== undefined) {
    lines.push(`receipts: ${receipts.succeeded} success`)
    for (const [error, failure] of receipts.failures) {
      lines.push(`receipts: ${failure.count} fail, ${error}: ${failure.message}`)
    }
    if (receipts.open > 0) lines.push(`receipts: ${receipts.open} missing`)
  }
  return `${lines.map(printable).join('\n')}\n`
}
