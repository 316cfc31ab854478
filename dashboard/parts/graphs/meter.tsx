/** How much of a bound is used. */
import { usageText } from '../../../src/format/bytes.ts'

/** From these shares on, people should look. */
const ATTENTION = 0.8
const BAD = 0.95

export interface MeterProps {
  readonly label: string
  readonly bytes: number
  readonly maxBytes: number
}

export function Meter({ label, bytes, maxBytes }: MeterProps) {
  const share = maxBytes > 0 ? Math.min(1, bytes / maxBytes) : 0
  const tone = share >= BAD ? 'is-bad' : share >= ATTENTION ? 'is-attention' : ''
  const text = usageText(bytes, maxBytes)
  return (
    // The colours of <meter> cannot be chosen in every browser.
    <div
      class={`meter ${tone}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={maxBytes}
      aria-valuenow={Math.min(bytes, maxBytes)}
      aria-valuetext={text}
    >
      <div class="meter-used" style={{ width: `${(share * 100).toFixed(1)}%` }} />
    </div>
  )
}
