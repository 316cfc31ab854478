/** What was found wrong with a data directory, in lines for people. */
import type { Finding } from '../../../channels/disk/doctor/finding.ts'
import { printable } from '../../printable.ts'

export function findingLines(finding: Finding): string[] {
  const { kind, severity, file, position, bytes, offsets, messages, since, explanation } = finding
  const where = [
    printable(file),
    ...(position === undefined ? [] : [`at byte ${position}`]),
    ...(bytes === undefined ? [] : [`${bytes} bytes`]),
    ...(offsets === undefined ? [] : [rangeText(offsets.from, offsets.to)]),
    ...(messages === undefined ? [] : [`${messages} messages`]),
    ...(since === undefined ? [] : [`from after ${new Date(since).toISOString()}`]),
  ]
  return [`  ${severity}: ${kind} in ${where.join(', ')}`, `    ${explanation}`]
}

/** Offsets `from ≤ x < to`. */
export function rangeText(from: number, to: number): string {
  return to - from === 1 ? `offset ${from}` : `offsets ${from} to ${to - 1}`
}
