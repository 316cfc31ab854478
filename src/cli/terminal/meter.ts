/** A bound and how much of it is used, as `[#####---]`. */
import type { Style } from './style.ts'

const CELLS = 10
/** From here on it needs attention. */
const WARNING = 0.8
const CRITICAL = 0.95

export function meter(used: number, max: number, style: Style): string {
  const share = max === 0 ? 1 : Math.min(1, used / max)
  // Something is never shown as nothing, and only the whole is shown as full.
  const filled = Math.min(used > 0 ? Math.max(1, Math.floor(share * CELLS)) : 0, CELLS)
  return `[${paintOf(share, style)('#'.repeat(filled))}${'-'.repeat(CELLS - filled)}]`
}

function paintOf(share: number, style: Style) {
  if (share >= CRITICAL) return style.red
  return share >= WARNING ? style.yellow : style.green
}
