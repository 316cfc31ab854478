/** `tail`: shows the messages of a channel of the running connector. */
import type { Command } from 'commander'
import { CHANNEL_NAME_RULE, isChannelName } from '../../../channel-name.ts'
import { openConnectorClient } from '../../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../../connector-flags.ts'
import type { CliContext } from '../../context.ts'
import { usageError } from '../../exit-code.ts'
import { wholeNumber } from '../../number-argument.ts'
import { writeLines } from '../../output.ts'
import { parseStartPoint } from '../../start-point.ts'
import { channelMessages } from './channel-messages.ts'
import { MessageReader } from './message-reader.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector tail my_channel                     all stored messages
  $ iot-analytics-connector tail my_channel --follow            messages that arrive from now on
  $ iot-analytics-connector tail my_channel --from 15m -n 10    the first ten of the last 15 minutes
  $ iot-analytics-connector tail my_channel --json | jq -r .payload`

interface TailFlags extends ConnectorFlags {
  readonly from?: string
  readonly follow?: true
  readonly json?: true
  readonly limit?: number
}

export function addTailCommand(program: Command, context: CliContext): void {
  addConnectorFlags(
    program
      .command('tail')
      .description('show the messages of a channel, and those that arrive')
      .argument('<channel>', 'the channel')
      .option(
        '--from <point>',
        'where to begin: earliest, now, an offset, a time or 15m for 15 minutes ago (default: earliest; with --follow: now)',
        (text: string) => parseStartPoint(text),
      )
      .option('-f, --follow', 'wait for messages that arrive, until stopped')
      .option('--json', 'print one JSON line per message, including the payload')
      .option(
        '-n, --limit <n>',
        'stop after this many messages',
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      ),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (channel: string, flags: TailFlags, command: Command) => {
      if (!isChannelName(channel))
        throw usageError(`${channel} is not a channel name: ${CHANNEL_NAME_RULE}`)
      const connector = await openConnectorClient(flags, command, context)
      const reader = new MessageReader(connector, channel)
      await tail(reader, channel, flags, context)
    })
}

async function tail(reader: MessageReader, channel: string, flags: TailFlags, context: CliContext) {
  const { stderr } = context.process
  const follows = flags.follow === true
  const messages = channelMessages(reader, {
    from: flags.from ?? (follows ? 'now' : 'earliest'),
    limit: flags.limit ?? Number.MAX_SAFE_INTEGER,
    follows,
    signal: context.outputClosed,
    absent: () => stderr.write(`${channel} does not exist yet. Waiting for its first message.\n`),
  })
  await writeLines(
    context,
    (async function* () {
      for await (const { line, text } of messages) yield flags.json === true ? line : text
    })(),
  )
}
