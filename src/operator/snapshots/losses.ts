/** What was lost: in the last hour, in all, and the commonest reason. */
import type { ChannelLedger } from '../../channels/ledger/ledger.ts'
import type { Lost } from '../../http/api/shapes/basics.ts'
import { type LossCounts, NO_LOSS, REJECTED } from '../sampling/hour-losses.ts'
import { lostOf } from './channel-rows.ts'

export function lostOfAll(ledger: readonly ChannelLedger[], recent: LossCounts): Lost {
  const hour = [...recent.values()].reduce((sum, count) => sum + count, 0)
  const total = ledger.reduce((sum, row) => sum + lostOf(row), 0)
  const reasons = hour > 0 ? recent : reasonsOf(ledger)
  return { hour, total: Math.max(hour, total), code: commonest(reasons) }
}

function reasonsOf(ledger: readonly ChannelLedger[]): LossCounts {
  const reasons = new Map<string, number>()
  const count = (code: string, more: number) => {
    if (more > 0 && code !== NO_LOSS) reasons.set(code, (reasons.get(code) ?? 0) + more)
  }
  for (const row of ledger) {
    for (const own of [row, ...Object.values(row.readers)]) {
      count(REJECTED, own.rejected)
      count('MessageExpired', own.expired)
      for (const [code, more] of Object.entries(own.dropped)) count(code, more)
    }
  }
  return reasons
}

function commonest(reasons: LossCounts): string | null {
  const [first] = [...reasons].sort(([, one], [, other]) => other - one)
  return first?.[0] ?? null
}
