/** `publish`: sends test messages to the running connector, as a device would, over MQTT 5. */
import { type Command, Option } from 'commander'
import { CHANNEL_NAME_RULE, isChannelName } from '../../../channel-name.ts'
import { shown } from '../../../shown-text.ts'
import type { CliContext } from '../../context.ts'
import { EXIT_FAILED, usageError } from '../../exit-code.ts'
import { decimal, duration, wholeNumber } from '../../number-argument.ts'
import { type AccessFlags, destinationOf } from './access.ts'
import { Interruption } from './interruption.ts'
import { type MessageRequest, outgoingMessages } from './outgoing-message.ts'
import { progressBar } from './progress-bar.ts'
import { Publisher } from './publisher.ts'
import { ReceiptTally } from './receipt-tally.ts'
import { summaryJson, summaryText } from './summary.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector publish my_channel '{"temp":23.33}'
  $ iot-analytics-connector publish my_channel '{"temp":23.33}' --id req123 --receipts
  $ iot-analytics-connector publish my_channel --count 1000 --rate 100     generated readings
  $ iot-analytics-connector publish my_channel --binary --file photo.jpg
  $ iot-analytics-connector publish --topic factory/line1/temp 23.33       a topic of your own
  $ tail -f readings.jsonl | iot-analytics-connector publish my_channel -  a message per line

Exit code 1 if a message was refused, or its receipt says fail or did not arrive.`

const MAX_COUNT = 1_000_000_000
const TIMEOUT_MS = 30_000
const MAX_TIMEOUT_MS = 7 * 86_400_000
const MAX_SIZE = 268_435_455

interface PublishFlags extends AccessFlags {
  readonly binary?: true
  readonly topic?: string
  readonly count?: number
  readonly rate?: number
  readonly size?: number
  readonly qos: '0' | '1' | '2'
  readonly id?: string
  readonly file?: string
  readonly receipts?: true
  readonly json?: true
  readonly timeout?: number
}

export function addPublishCommand(program: Command, context: CliContext): void {
  program
    .command('publish')
    .description('send messages to the running connector over MQTT 5, as a device would')
    .argument('[channel]', 'the channel of the messages; omitted with --topic')
    .argument(
      '[message]',
      'the message; - reads one per line from standard input; omitted: generated readings',
    )
    .option('--binary', 'send the bytes as they are, to …/messages/binary/put')
    .option('--topic <topic>', 'publish to this topic instead, with the message as payload')
    .option('--file <file>', 'send the content of this file; - for all of standard input')
    .option('--count <n>', 'number of messages', wholeNumber(1, MAX_COUNT))
    .option(
      '--rate <n>',
      'messages per second (default: as fast as possible)',
      decimal(0.001, MAX_COUNT),
    )
    .option('--size <bytes>', 'size of generated messages', wholeNumber(1, MAX_SIZE))
    .option('--id <id>', 'id of the message; several messages get a number as well')
    .addOption(new Option('--qos <qos>', 'MQTT QoS').choices(['0', '1', '2']).default('1'))
    .option('--receipts', 'wait for the receipts and summarize them')
    .option(
      '--timeout <duration>',
      'how long to wait for receipts (default: 30s)',
      duration(MAX_TIMEOUT_MS),
    )
    .option('--json', 'print the summary as one line of JSON')
    .option('--url <url>', 'MQTT address of the connector (default: from the configuration)')
    .option('--username <name>', 'user to connect as')
    .addOption(
      new Option('--password <password>', 'password of the user').env(
        'IOT_ANALYTICS_CONNECTOR_PASSWORD',
      ),
    )
    .option('--ca <file>', 'PEM file of the authority to trust, for mqtts://')
    .option('--cert <file>', 'PEM file of a client certificate, with --key')
    .option('--key <file>', 'PEM file of the private key of --cert')
    .addHelpText('after', EXAMPLES)
    .action(
      async (
        first: string | undefined,
        second: string | undefined,
        flags: PublishFlags,
        command: Command,
      ) => {
        await publish(targetOf(first, second, flags), flags, command, context)
      },
    )
}

interface Target {
  readonly topic: string
  readonly text: string | undefined
  readonly isBinary: boolean
}

function targetOf(
  first: string | undefined,
  second: string | undefined,
  flags: PublishFlags,
): Target {
  if (flags.topic !== undefined) {
    if (second !== undefined) throw usageError('with --topic give only a message, no channel')
    return { topic: flags.topic, text: first, isBinary: true }
  }
  if (first === undefined) throw usageError('missing the channel to publish to, or --topic')
  if (!isChannelName(first)) {
    throw usageError(`${shown(first)} is not a channel name: ${CHANNEL_NAME_RULE}`)
  }
  const isBinary = flags.binary === true
  const topic = `iotanalytics/channels/${first}/messages/${isBinary ? 'binary/' : ''}put`
  return { topic, text: second, isBinary }
}

function requestOf({ text, isBinary }: Target, flags: PublishFlags): MessageRequest {
  const { file, count, size, id } = flags
  if (text !== undefined && file !== undefined)
    throw usageError('give a message or --file, not both')
  if (size !== undefined && (text ?? file) !== undefined) {
    throw usageError('--size is for generated messages; remove it, or the message')
  }
  if (text === '-' && count !== undefined) throw usageError('give --count or -, not both')
  return { text, file, count: count ?? 1, size: size ?? 0, isBinary, id }
}

async function publish(target: Target, flags: PublishFlags, command: Command, context: CliContext) {
  const request = requestOf(target, flags)
  const { process } = context
  const receipts = flags.receipts === true ? new ReceiptTally() : undefined
  const publisher = new Publisher({
    ...(await destinationOf(flags, command, context)),
    topic: target.topic,
    qos: qosOf(flags.qos),
    rate: flags.rate,
    receipts,
    usesResponseTopic: receipts !== undefined && target.isBinary,
  })
  const interruption = new Interruption(process)
  try {
    await publisher.open()
    const startedAt = performance.now()
    const bar = await progressBar(process.stderr, target.text === '-' ? 0 : request.count)
    await interruption
      .orEnd(publisher.send(outgoingMessages(request, process.stdin), bar.update))
      .finally(bar.stop)
    const seconds = (performance.now() - startedAt) / 1000
    if (receipts !== undefined) {
      await interruption.orEnd(receipts.complete(flags.timeout ?? TIMEOUT_MS))
    }
    const count = publisher.sent
    const summary = { seconds, publisher, receipts }
    process.stdout.write(flags.json === true ? summaryJson(summary) : summaryText(summary))
    if (interruption.signal !== undefined) {
      process.stderr.write(`${interruption.signal}: stopped before the end\n`)
    }
    const isFine = publisher.acknowledged === count && (receipts?.succeeded ?? count) === count
    if (!isFine || interruption.signal !== undefined) process.exitCode = EXIT_FAILED
  } finally {
    await publisher.close(interruption.signal !== undefined)
    interruption.close()
  }
}

function qosOf(text: PublishFlags['qos']): 0 | 1 | 2 {
  if (text === '0') return 0
  return text === '1' ? 1 : 2
}
