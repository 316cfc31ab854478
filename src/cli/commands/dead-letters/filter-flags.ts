/** The flags that select dead letters. */
import { type Command, InvalidArgumentError } from 'commander'
import { parseTimeOrAge } from '../../start-point.ts'

export interface FilterFlags {
  readonly channel?: string
  readonly destination?: string
  readonly error?: string
  readonly since?: string
  readonly until?: string
}

export function addFilterFlags(command: Command): Command {
  return command
    .option('--channel <name>', 'only messages for this channel')
    .option('--destination <name>', 'only messages that this destination rejected')
    .option('--error <code>', 'only messages rejected with this error')
    .option(
      '--since <time>',
      'only messages rejected since this time; 15m is 15 minutes ago',
      timeOf,
    )
    .option('--until <time>', 'only messages rejected before this time', timeOf)
}

/** As the HTTP API takes them. */
export function filterOf({ channel, destination, error, since, until }: FilterFlags) {
  return { channel, destination, error, since, until }
}

function timeOf(text: string): string {
  const time = parseTimeOrAge(text)
  // The HTTP API takes years of four digits.
  if (time !== undefined && /^\d{4}-/.test(time)) return time
  throw new InvalidArgumentError(
    'Expected a time such as 2026-01-31T12:00:00Z, or 15m for 15 minutes ago.',
  )
}
