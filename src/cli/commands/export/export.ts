/** `export`: writes a range of a channel as JSON lines, from its directory or from a running connector. */
import type { Command } from 'commander'
import { isChannelName } from '../../../channel-name.ts'
import { asConnectorError } from '../../../errors.ts'
import { messageLine } from '../../../http/views/message-line.ts'
import type { CliContext } from '../../cli-context.ts'
import { openConnectorClient } from '../../connector-client.ts'
import { usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import { parseStartPoint } from '../../start-point.ts'
import { writeLines } from '../../write-lines.ts'
import { assertDataDirectory } from '../doctor/data-directory.ts'
import { channelMessages } from '../tail/channel-messages.ts'
import { MessageReader } from '../tail/message-reader.ts'
import { type ExportPoints, parseEndPoint, rangeOf } from './export-range.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector export my_channel > my_channel.jsonl
  $ iot-analytics-connector export my_channel --from 24h --data /var/lib/connector
  $ iot-analytics-connector export my_channel --from 1000 --to 2000 | jq -r .payload
  $ iot-analytics-connector export my_channel --url http://connector:8090    from a running connector

Reads the data directory itself, whether the connector runs or not, and changes nothing; damaged messages
are stepped over. A line is what tail --json prints.`

interface ExportFlags extends ExportPoints {
  readonly url?: string
}

export function addExportCommand(program: Command, context: CliContext): void {
  program
    .command('export')
    .description('write a range of a channel’s messages as JSON lines')
    .argument('<channel>', 'the channel')
    .option(
      '--from <point>',
      'the first: an offset, a time, or 15m for 15 minutes ago (default: the oldest)',
      (text: string) => parseStartPoint(text),
    )
    .option(
      '--to <point>',
      'where to end, not included (default: what there is now)',
      parseEndPoint,
    )
    .option('--url <url>', 'read from the connector at this address instead')
    .addHelpText('after', EXAMPLES)
    .action(async (channel: string, flags: ExportFlags, command: Command) => {
      if (!isChannelName(channel)) throw usageError(`${channel} is not a channel name`)
      const lines =
        flags.url === undefined
          ? await directoryLines(channel, flags, command, context)
          : connectorLines(channel, flags, command, context)
      await writeLines(context, lines)
    })
}

async function directoryLines(
  channel: string,
  points: ExportPoints,
  command: Command,
  context: CliContext,
): Promise<AsyncIterable<string>> {
  const { directory } = (await loadConfigOf(command, context)).config.storage
  await assertDataDirectory(directory, channel)
  return exported(directory, channel, points)
}

async function* exported(directory: string, channel: string, points: ExportPoints) {
  const { exportMessages } = await import('../../../channels/disk/doctor/export-messages.ts')
  try {
    for await (const message of exportMessages(directory, { channel, ...rangeOf(points) })) {
      yield messageLine(message).trimEnd()
    }
  } catch (error) {
    throw asConnectorError(error, 'StorageFailed', `reading ${directory}`)
  }
}

async function* connectorLines(
  channel: string,
  flags: ExportFlags,
  command: Command,
  context: CliContext,
): AsyncGenerator<string> {
  const reader = new MessageReader(await openConnectorClient(flags.url, command, context), channel)
  const { to = Number.POSITIVE_INFINITY, until = Number.POSITIVE_INFINITY } = {
    ...rangeOf({ from: undefined, to: flags.to }),
  }
  const messages = channelMessages(reader, {
    from: flags.from ?? 'earliest',
    limit: Number.MAX_SAFE_INTEGER,
    follows: false,
    signal: context.outputClosed,
    absent: () => {},
  })
  for await (const { offset, line } of messages) {
    if (offset >= to) return
    const { receivedAt } = JSON.parse(line)
    if (Date.parse(receivedAt) < until) yield line
  }
}
