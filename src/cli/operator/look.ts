/** How lines are made fit for who reads them. */
import type { Zone } from '../../format/time.ts'
import { type Style, styleFor } from '../terminal/style.ts'

export interface Look {
  readonly style: Style
  readonly zone: Zone
  /** Undefined: lines are as long as they are. */
  readonly columns: number | undefined
}

/** Times are those of this machine's zone, on a terminal as in a pipe; JSON has them in UTC. */
export function lookFor({ stdout, env }: NodeJS.Process): Look {
  const columns = stdout.isTTY ? stdout.columns : undefined
  return { style: styleFor(stdout, env), zone: 'local', columns }
}
