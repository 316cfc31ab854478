/** `replay`: makes the running connector send dead letters again. */
import type { Command } from 'commander'
import { printable, safeJson } from '../../../shown-text.ts'
import { type ConnectorClient, openConnectorClient } from '../../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../../connector-flags.ts'
import type { CliContext } from '../../context.ts'
import { EXIT_FAILED, usageError } from '../../exit-code.ts'
import { parseStartPoint } from '../../start-point.ts'
import { addFilterFlags, type FilterFlags, filterOf } from './filter-flags.ts'
import { replayHistory } from './replay-history.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector replay --all --dry-run          count them
  $ iot-analytics-connector replay --channel my_channel
  $ iot-analytics-connector replay --error ResourceNotFoundException --since 24h

A message that a destination rejected goes back into its channel as a new message, for all
destinations. A message that routing rejected goes through routing again. Each one is removed from
the dead letters once it is stored. Exit code 1 if some were rejected again.

With --from, messages of a channel's history are sent again, whether they were delivered or not:

  $ iot-analytics-connector replay --channel my_channel --from 2026-01-31T12:00:00Z --dry-run
  $ iot-analytics-connector replay --channel my_channel --from 24h --to 1h
  $ iot-analytics-connector replay --channel my_channel --from 52000 --to 53000     by offset

All destinations get them, and whatever had received them GETS THEM A SECOND TIME. They keep their
message ids, so that a receiver can recognize them. Only messages that are still stored can be sent
again: how long that is depends on storage.historyBytes. If the command or the connector is stopped
half way, what was sent again so far is delivered; the command says how to continue.`

const HISTORY =
  'send messages of the channel’s history from here on: earliest, an offset, a time, or 15m for 15 minutes ago'

interface ReplayFlags extends ConnectorFlags, FilterFlags {
  readonly all?: true
  readonly dryRun?: true
  readonly json?: true
  readonly from?: string
  readonly to?: string
}

export function addReplayCommand(program: Command, context: CliContext): void {
  const command = program
    .command('replay')
    .description('send dead letters again, or messages of a channel’s history')
  addConnectorFlags(
    addFilterFlags(command)
      .option('--all', 'send all of them')
      .option('--from <point>', HISTORY, (text) => parseStartPoint(text))
      .option('--to <point>', 'with --from: only messages before this point', (text) =>
        parseStartPoint(text),
      )
      .option('--dry-run', 'only count them')
      .option('--json', 'print the result as one line of JSON'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ReplayFlags, self: Command) => {
      if (flags.from !== undefined || flags.to !== undefined) {
        await runHistoryReplay(flags, self, context)
        return
      }
      const isFiltered = Object.values(filterOf(flags)).some((value) => value !== undefined)
      if (!isFiltered && flags.all !== true) {
        throw usageError(
          'select what to send: --all, --channel, --destination, --error, --since or --until; for a channel’s history, --channel with --from',
        )
      }
      const connector = await openConnectorClient(flags, self, context)
      const { process } = context
      const sum = await replay(connector, flags)
      const isDryRun = flags.dryRun === true
      process.stdout.write(flags.json === true ? sum.json(isDryRun) : sum.text(isDryRun))
      if (sum.refused > 0) process.exitCode = EXIT_FAILED
    })
}

async function runHistoryReplay(flags: ReplayFlags, self: Command, context: CliContext) {
  const { channel, from, to, all, destination, error, since, until } = flags
  if (channel === undefined || from === undefined) {
    throw usageError('to send history again, give --channel and --from')
  }
  const others = { all, destination, error, since, until }
  if (Object.values(others).some((value) => value !== undefined)) {
    throw usageError(
      '--from sends the history of one channel: expected no --all, --destination, --error, --since or --until',
    )
  }
  const connector = await openConnectorClient(flags, self, context)
  const { process } = context
  const range = { channel, from, to, isDryRun: flags.dryRun === true }
  const { text, json, isComplete } = await replayHistory(connector, range, (note) =>
    process.stderr.write(note),
  )
  process.stdout.write(flags.json === true ? json : text)
  if (!isComplete) process.exitCode = EXIT_FAILED
}

/**
 * Replays in rounds. Messages that become dead letters after the first round began are left out.
 */
async function replay(connector: ConnectorClient, flags: ReplayFlags): Promise<Sum> {
  const sum = new Sum()
  const request = { ...filterOf(flags), dryRun: flags.dryRun === true }
  let from: number | undefined = 0
  let to: number | undefined
  while (from !== undefined) {
    const answer = await connector.post('/api/v1/dead-letters/replay', { ...request, from, to })
    const fields = new Map<string, unknown>(Object.entries(answer ?? {}))
    sum.add(fields)
    const next = fields.get('next')
    from = typeof next === 'number' ? next : undefined
    to = Number(fields.get('to'))
  }
  return sum
}

class Sum {
  matched = 0
  replayed = 0
  refused = 0
  /** The number of messages by reason. */
  readonly #reasons = new Map<string, number>()

  add(report: ReadonlyMap<string, unknown>): void {
    this.matched += Number(report.get('matched'))
    this.replayed += Number(report.get('replayed'))
    const refused = report.get('refused')
    for (const one of Array.isArray(refused) ? refused : []) {
      this.refused += 1
      const reason = `${one.error}: ${one.error_message}`
      this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1)
    }
  }

  json(isDryRun: boolean): string {
    const { matched, replayed, refused } = this
    const reasons = [...this.#reasons].map(([reason, count]) => ({ reason, count }))
    const sum = { dryRun: isDryRun, matched, replayed, refused, reasons }
    return `${safeJson(JSON.stringify(sum))}\n`
  }

  text(isDryRun: boolean): string {
    if (isDryRun) return `${this.matched} would be sent again\n`
    const lines = [`sent again: ${this.replayed} of ${this.matched}`]
    for (const [reason, count] of this.#reasons) {
      lines.push(`still dead letters: ${count}, ${printable(reason)}`)
    }
    return `${lines.join('\n')}\n`
  }
}
