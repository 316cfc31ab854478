/** The flags that choose among dead letters, the same for every command that does. */
import { type Command, InvalidArgumentError } from 'commander'
import { parseStartPoint } from '../../start-point.ts'

export interface FilterFlags {
  readonly channel?: string
  readonly destination?: string
  readonly error?: string
  readonly since?: string
  readonly until?: string
}

export function addFilterFlags(command: Command): Command {
  return command
    .option('--channel <name>', 'those for this channel')
    .option('--destination <name>', 'those that this destination refused')
    .option('--error <code>', 'those refused with this error')
    .option('--since <time>', 'those refused since: a time, or 15m for 15 minutes ago', timeOf)
    .option('--until <time>', 'those refused before', timeOf)
}

/** As the connector takes them. */
export function filterOf({ channel, destination, error, since, until }: FilterFlags) {
  return { channel, destination, error, since, until }
}

function timeOf(text: string): string {
  const point = parseStartPoint(text)
  if (/^\d{4}-/.test(point) && point.includes('T')) return point
  throw new InvalidArgumentError(
    'Expected a time such as 2026-01-31T12:00:00Z, or 15m for 15 minutes ago.',
  )
}
