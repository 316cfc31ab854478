/** `status`: says how the running connector is doing. */

import type { Command } from 'commander'
import type { Health, SourceHealth } from '../../http/views/connector-view.ts'
import type { DestinationHealth } from '../../http/views/destinations-view.ts'
import { printable, safeJson } from '../../shown-text.ts'
import { counted } from '../../units.ts'
import { openConnectorClient } from '../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../connector-flags.ts'
import type { CliContext } from '../context.ts'
import { EXIT_FAILED } from '../exit-code.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector status
  $ iot-analytics-connector status --json | jq .problems
  $ iot-analytics-connector status --url http://gateway-7:8090

Exit code 0 if nothing is wrong, and 1 if something fails, or if messages are refused, lost or
rejected.`

interface StatusFlags extends ConnectorFlags {
  readonly json?: true
}

/** Without the token, the connector tells no more than whether it is live and ready. */
type KnownHealth = Pick<Health, 'live' | 'ready' | 'storage'> & Partial<Health>

export function addStatusCommand(program: Command, context: CliContext): void {
  addConnectorFlags(
    program
      .command('status')
      .description(
        'say how the running connector is doing: storage, sources, destinations, problems',
      )
      .option('--json', 'print JSON, as GET /health'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: StatusFlags, command: Command) => {
      const { process } = context
      const connector = await openConnectorClient(flags, command, context)
      const text = await connector.healthText()
      const health: KnownHealth = JSON.parse(text)
      process.stdout.write(flags.json === true ? `${safeJson(text)}\n` : statusText(health))
      if (levelOf(health) !== 'ok') process.exitCode = EXIT_FAILED
    })
}

function levelOf({ level, live, ready }: KnownHealth): Health['level'] {
  return level ?? (live && ready ? 'ok' : 'critical')
}

function statusText(health: KnownHealth): string {
  const { verdict, storage, sources = [], destinations = [], problems = [], outage } = health
  const level = levelOf(health)
  const rows: [string, string][] = [
    ['status', verdict === undefined ? level : `${verdict}${level === 'ok' ? '' : ` (${level})`}`],
    ['storage', storage],
    ...sources.map((source): [string, string] => ['source', sourceText(source)]),
    ...destinations.map((one): [string, string] => ['destination', destinationText(one)]),
    ...problems.map((problem): [string, string] => ['problem', problem]),
  ]
  if (outage !== undefined) rows.push(['outage', outage])
  return rows.map(([name, text]) => `${name.padEnd(12)} ${printable(text)}\n`).join('')
}

function sourceText({ name, state, since }: SourceHealth): string {
  return `${name}: ${state} since ${since}`
}

function destinationText(destination: DestinationHealth): string {
  const { name, state, since, attempts, nextAttemptAt, lastSuccessAt } = destination
  if (state === 'working') {
    return `${name}: working, last success ${lastSuccessAt ?? 'not since the start'}`
  }
  const next = nextAttemptAt === null ? 'an attempt is under way' : `next attempt ${nextAttemptAt}`
  const last = lastSuccessAt === null ? 'no success since the start' : `last ${lastSuccessAt}`
  return `${name}: ${state} since ${since ?? 'the start'}, ${counted(attempts, 'attempt')}, ${next}, ${last}`
}
