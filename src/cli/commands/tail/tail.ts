/** `tail`: shows the messages of a channel of the running connector. */
import type { Command } from 'commander'
import { CHANNEL_NAME_RULE, isChannelName } from '../../../channel-name.ts'
import { systemClock } from '../../../clock.ts'
import { exactCount } from '../../../format/count.ts'
import { openConnectorClient } from '../../connector-client.ts'
import { addConnectorFlags } from '../../connector-flags.ts'
import type { CliContext } from '../../context.ts'
import { usageError } from '../../exit-code.ts'
import { writeParts } from '../../output.ts'
import { addTailOptions, refuseContradictions, type TailFlags } from './tail-options.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector tail my_channel                     all stored messages
  $ iot-analytics-connector tail my_channel --follow            messages that arrive from now on
  $ iot-analytics-connector tail my_channel --from 15m -n 10    the first ten of the last 15 minutes
  $ iot-analytics-connector tail my_channel --where 'motor.temp>30' --field motor.temp
  $ iot-analytics-connector tail my_channel --follow --grep error --rate 10
  $ iot-analytics-connector tail my_channel --field temp -o value | sort -n
  $ iot-analytics-connector tail my_channel --json | jq -r .payload

A condition compares a field of the payload with =, !=, <, <=, >, >=, or with ~ and a regular
expression; a field alone asks whether it is there. --limit counts the messages that are shown.`

export function addTailCommand(program: Command, context: CliContext): void {
  const command = program
    .command('tail')
    .description('show the messages of a channel, and those that arrive')
    .argument('<channel>', 'the channel')
  addConnectorFlags(addTailOptions(command))
    .addHelpText('after', EXAMPLES)
    .action(async (channel: string, flags: TailFlags, self: Command) => {
      if (!isChannelName(channel))
        throw usageError(`${channel} is not a channel name: ${CHANNEL_NAME_RULE}`)
      refuseContradictions(flags)
      const connector = await openConnectorClient(flags, self, context)
      const { MessageReader } = await import('./message-reader.ts')
      const { shownMessages } = await import('./shown-messages.ts')
      const { stderr } = context.process
      const reader = new MessageReader(connector, channel)
      await writeParts(
        context,
        shownMessages(reader, flags, {
          process: context.process,
          signal: context.outputClosed,
          clock: systemClock,
          absent: () =>
            stderr.write(`${channel} does not exist yet. Waiting for its first message.\n`),
          skipped: (count) => stderr.write(`${exactCount(count)} skipped\n`),
          searched: (found, all) =>
            stderr.write(`${exactCount(found)} of ${exactCount(all)} messages match\n`),
        }),
      )
    })
}
