/** `retry`: makes the next attempt to deliver now. */

import type { Command } from 'commander'
import { printable, safeJson } from '../../shown-text.ts'
import { counted } from '../../units.ts'
import { openConnectorClient } from '../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../connector-flags.ts'
import type { CliContext } from '../context.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector retry                 every channel that waits for its next attempt
  $ iot-analytics-connector retry my_channel
  $ iot-analytics-connector retry --destination archive

After a failure a channel waits before it sends again, up to five minutes. This ends the wait, for
example after a permission was corrected. GET /destinations says when the next attempt is, and why
the last one failed.`

interface RetryFlags extends ConnectorFlags {
  readonly destination?: string
  readonly json?: true
}

export function addRetryCommand(program: Command, context: CliContext): void {
  addConnectorFlags(
    program
      .command('retry')
      .description('make the next attempt to deliver now')
      .argument('[channel]', 'only this channel')
      .option('--destination <name>', 'only this destination')
      .option('--json', 'print the answer of the connector'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (channel: string | undefined, flags: RetryFlags, command: Command) => {
      const connector = await openConnectorClient(flags, command, context)
      const { destination } = flags
      const answer = await connector.post('/api/v1/destinations/retry', { channel, destination })
      const json = `${safeJson(JSON.stringify(answer))}\n`
      context.process.stdout.write(flags.json === true ? json : textOf(answer))
    })
}

function textOf(answer: unknown): string {
  const fields = new Map<string, unknown>(Object.entries(answer ?? {}))
  const destinations = fields.get('destinations')
  const lines: string[] = []
  for (const { destination, retried } of Array.isArray(destinations) ? destinations : []) {
    const count = Number(retried)
    if (count === 0) continue
    lines.push(`${printable(String(destination))}: trying ${counted(count, 'channel')} again now`)
  }
  return lines.length === 0 ? 'No channel waits for a retry.\n' : `${lines.join('\n')}\n`
}
