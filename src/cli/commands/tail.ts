/** `tail`: shows what a channel of the running hub holds and, if asked, what arrives. */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { ConnectorError } from '../../errors.ts'
import type { CliContext } from '../cli-context.ts'
import { usageError } from '../exit-code.ts'
import { loadConfigOf } from '../global-flags.ts'
import { httpUrlOf } from '../hub-address.ts'
import { wholeNumber } from '../number-argument.ts'
import { MessageReader } from '../tail/message-reader.ts'
import { parseStartPoint } from '../tail/start-point.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector tail my_channel                     all it holds
  $ iot-analytics-connector tail my_channel --follow            what arrives from now on
  $ iot-analytics-connector tail my_channel --from 15m -n 10    ten messages, from 15 minutes ago on
  $ iot-analytics-connector tail my_channel --json | jq -r .payload`

const PAGE_MESSAGES = 1_000
const FOLLOW_WAIT_SECONDS = 20
const RECONNECT_MS = 1_000
const EMPTY_PAGE_MS = 100

interface TailFlags {
  readonly from?: string
  readonly follow?: true
  readonly json?: true
  readonly limit?: number
  readonly url?: string
}

export function addTailCommand(program: Command, context: CliContext): void {
  program
    .command('tail')
    .description('show what a channel of the running hub holds, and what arrives')
    .argument('<channel>', 'the channel')
    .option(
      '--from <point>',
      'earliest, now, an offset, a time or 15m for 15 minutes ago (default: earliest; with --follow: now)',
      (text: string) => parseStartPoint(text),
    )
    .option('-f, --follow', 'go on with what arrives, until stopped')
    .option('--json', 'a JSON line per message, payload included, as the hub gives it')
    .option(
      '-n, --limit <n>',
      'end after so many messages',
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--url <url>', 'the hub’s HTTP address (default: from the configuration)')
    .addHelpText('after', EXAMPLES)
    .action(async (channel: string, flags: TailFlags, command: Command) => {
      const url = flags.url ?? httpUrlOf((await loadConfigOf(command, context)).config)
      if (!URL.canParse(url))
        throw usageError(`--url ${url}: expected a URL such as http://host:8090`)
      await tail(new MessageReader({ url, channel, signal: context.outputClosed }), flags, context)
    })
}

async function tail(reader: MessageReader, flags: TailFlags, context: CliContext): Promise<void> {
  const { stdout } = context.process
  const follows = flags.follow === true
  const waitSeconds = follows ? FOLLOW_WAIT_SECONDS : 0
  const limit = flags.limit ?? Number.MAX_SAFE_INTEGER
  let shown = 0
  let from = flags.from ?? (follows ? 'now' : 'earliest')
  let isFirst = true
  while (shown < limit) {
    const before = shown
    const page = { from, limit: Math.min(limit - shown, PAGE_MESSAGES), waitSeconds }
    const next = await pageOrNothing(!isFirst && follows, context, () =>
      reader.read(page, async (message) => {
        shown += 1
        from = String(message.offset + 1)
        const text = flags.json === true ? message.line : message.text
        if (!stdout.write(`${text}\n`))
          await once(stdout, 'drain', { signal: context.outputClosed })
      }),
    )
    if (context.outputClosed.aborted) return
    from = next ?? from
    isFirst = false
    if (shown !== before) continue
    if (!follows) return
    // The hub has held the answer back already; this is for one that doesn't.
    await delay(EMPTY_PAGE_MS)
  }
}

/** What `read` returns. While following, a hub that is away for a while is waited for: undefined. */
async function pageOrNothing(
  isPatient: boolean,
  context: CliContext,
  read: () => Promise<string>,
): Promise<string | undefined> {
  try {
    return await read()
  } catch (thrown) {
    if (context.outputClosed.aborted) return undefined
    const isAway = thrown instanceof ConnectorError && thrown.effect === 'retry'
    if (!isPatient || !isAway) throw thrown
    await delay(RECONNECT_MS)
    return undefined
  }
}
