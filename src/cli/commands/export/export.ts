/** `export`: writes a range of a channel as JSON lines, from its directory or over HTTP. */
import { type Command, InvalidArgumentError } from 'commander'
import { isChannelName } from '../../../channel-name.ts'
import { asConnectorError } from '../../../errors.ts'
import { messageLine } from '../../../http/views/message-line.ts'
import { openConnectorClient } from '../../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../../connector-flags.ts'
import type { CliContext } from '../../context.ts'
import { usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import { writeLines } from '../../output.ts'
import { parseStartPoint } from '../../start-point.ts'
import { assertDataDirectory } from '../doctor/data-directory.ts'
import { channelMessages } from '../tail/channel-messages.ts'
import { MessageReader } from '../tail/message-reader.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector export my_channel > my_channel.jsonl
  $ iot-analytics-connector export my_channel --from 24h --data /var/lib/connector
  $ iot-analytics-connector export my_channel --from 1000 --to 2000 | jq -r .payload
  $ iot-analytics-connector export my_channel --url http://connector:8090    from a running connector

Reads the data directory, whether or not the connector runs, and changes nothing. Skips damaged
messages. A line has the same form as with tail --json.`

interface ExportPoints {
  /** As `parseStartPoint` returns it; undefined: the oldest message. */
  readonly from?: string | undefined
  /** Not included; undefined: the end at the time of the call. */
  readonly to?: string | undefined
}

interface ExportFlags extends ConnectorFlags, ExportPoints {}

export function addExportCommand(program: Command, context: CliContext): void {
  addConnectorFlags(
    program
      .command('export')
      .description('write a range of a channel’s messages as JSON lines')
      .argument('<channel>', 'the channel')
      .option(
        '--from <point>',
        'where to begin: an offset, a time, or 15m for 15 minutes ago (default: the oldest)',
        (text: string) => parseStartPoint(text),
      )
      .option('--to <point>', 'where to end, not included (default: the newest)', parseEndPoint),
    'read from the connector at this address instead of the directory',
  )
    .addHelpText('after', EXAMPLES)
    .action(async (channel: string, flags: ExportFlags, command: Command) => {
      if (!isChannelName(channel)) throw usageError(`${channel} is not a channel name`)
      if (flags.url === undefined && (flags.ca ?? flags.cert ?? flags.key) !== undefined) {
        throw usageError(
          '--ca, --cert and --key need --url: without it, export reads the directory',
        )
      }
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
  const reader = new MessageReader(await openConnectorClient(flags, command, context), channel)
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

/** The offsets and times of the points, as `exportMessages` takes them. */
function rangeOf({ from, to }: ExportPoints) {
  return { ...lower(from), ...upper(to) }
}

function parseEndPoint(text: string): string {
  if (text !== 'earliest' && text !== 'now') return parseStartPoint(text)
  throw new InvalidArgumentError(
    'Expected an offset, a time such as 2026-01-31T12:00:00Z, or 15m for 15 minutes ago.',
  )
}

function lower(point: string | undefined) {
  if (point === undefined || point === 'earliest') return {}
  if (point === 'now') return { since: Date.now() }
  return isOffset(point) ? { from: Number(point) } : { since: Date.parse(point) }
}

function upper(point: string | undefined) {
  if (point === undefined) return {}
  return isOffset(point) ? { to: Number(point) } : { until: Date.parse(point) }
}

function isOffset(point: string): boolean {
  return /^\d+$/.test(point)
}
