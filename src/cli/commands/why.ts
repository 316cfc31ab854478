/** `why`: says what happened to one message. */
import type { Command } from 'commander'
import { printable, safeJson } from '../../shown-text.ts'
import { openConnectorClient } from '../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../connector-flags.ts'
import type { CliContext } from '../context.ts'
import { EXIT_FAILED } from '../exit-code.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector why req123            by the id its sender gave
  $ iot-analytics-connector why 5f0c81aa-1042     by the message id that the destination got
  $ iot-analytics-connector why req123 --json

The connector remembers attempts since its start, for at most the last 10,000 batches of each destination.
Exit code 1 if nothing is known of the message.`

interface WhyFlags extends ConnectorFlags {
  readonly json?: true
}

export function addWhyCommand(program: Command, context: CliContext): void {
  addConnectorFlags(
    program
      .command('why')
      .description(
        'say what happened to one message: when it arrived, each attempt to deliver it, its receipt',
      )
      .argument('<id>', 'the sender’s id or the message id')
      .option('--json', 'print JSON'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, flags: WhyFlags, command: Command) => {
      const connector = await openConnectorClient(flags, command, context)
      const format = flags.json === true ? 'json' : 'text'
      const response = await connector.ask(`/why/${encodeURIComponent(id)}`, { format })
      const { process } = context
      const text = await response.text()
      const shown = text.split('\n').map(printable).join('\n')
      process.stdout.write(flags.json === true ? `${safeJson(text)}\n` : shown)
      if (!response.ok) process.exitCode = EXIT_FAILED
    })
}
