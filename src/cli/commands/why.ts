/** `why`: tells the story of one message. */
import type { Command } from 'commander'
import type { CliContext } from '../cli-context.ts'
import { openConnectorClient } from '../connector-client.ts'
import { EXIT_FAILED } from '../exit-code.ts'
import { printable } from '../printable.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector why req123            by the id its sender gave
  $ iot-analytics-connector why 5f0c81aa-1042     by the message id it was sent on with
  $ iot-analytics-connector why req123 --json

Attempts are remembered since the connector started, for the last 10,000 batches of each destination.
Exit code 1 when nothing is known of the message.`

interface WhyFlags {
  readonly json?: true
  readonly url?: string
}

export function addWhyCommand(program: Command, context: CliContext): void {
  program
    .command('why')
    .description('tell one message’s story: when it came, what was tried, what became of it')
    .argument('<id>', 'the sender’s id or the message id')
    .option('--json', 'as JSON')
    .option('--url <url>', 'the connector’s HTTP address (default: from the configuration)')
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, flags: WhyFlags, command: Command) => {
      const connector = await openConnectorClient(flags.url, command, context)
      const format = flags.json === true ? 'json' : 'text'
      const response = await connector.ask(`/why/${encodeURIComponent(id)}`, { format })
      const { process } = context
      const text = await response.text()
      const shown = text.split('\n').map(printable).join('\n')
      process.stdout.write(flags.json === true ? `${text}\n` : shown)
      if (!response.ok) process.exitCode = EXIT_FAILED
    })
}
