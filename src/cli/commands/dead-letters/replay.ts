/** `replay`: makes the running connector send dead letters again. */
import type { Command } from 'commander'
import { printable } from '../../../shown-text.ts'
import { type ConnectorClient, openConnectorClient } from '../../connector-client.ts'
import type { CliContext } from '../../context.ts'
import { EXIT_FAILED, usageError } from '../../exit-code.ts'
import { addFilterFlags, type FilterFlags, filterOf } from './filter-flags.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector replay --all --dry-run          count them
  $ iot-analytics-connector replay --channel my_channel
  $ iot-analytics-connector replay --error ResourceNotFoundException --since 24h

A message that a destination rejected goes back into its channel as a new message, for all
destinations. A message that routing rejected goes through routing again. Each one is removed from
the dead letters once it is stored. Exit code 1 if some were rejected again.`

interface ReplayFlags extends FilterFlags {
  readonly all?: true
  readonly dryRun?: true
  readonly url?: string
}

export function addReplayCommand(program: Command, context: CliContext): void {
  const command = program
    .command('replay')
    .description('send dead letters again, all or some of them')
  addFilterFlags(command)
    .option('--all', 'send all of them')
    .option('--dry-run', 'only count them')
    .option('--url <url>', 'HTTP address of the connector (default: from the configuration)')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ReplayFlags, self: Command) => {
      const isFiltered = Object.values(filterOf(flags)).some((value) => value !== undefined)
      if (!isFiltered && flags.all !== true) {
        throw usageError(
          'select what to send: --all, --channel, --destination, --error, --since or --until',
        )
      }
      const connector = await openConnectorClient(flags.url, self, context)
      const { process } = context
      const sum = await replay(connector, flags)
      process.stdout.write(sum.text(flags.dryRun === true))
      if (sum.refused > 0) process.exitCode = EXIT_FAILED
    })
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
    const answer = await connector.post('/dead-letters/replay', { ...request, from, to })
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

  text(isDryRun: boolean): string {
    if (isDryRun) return `${this.matched} would be sent again\n`
    const lines = [`sent again: ${this.replayed} of ${this.matched}`]
    for (const [reason, count] of this.#reasons) {
      lines.push(`still dead letters: ${count}, ${printable(reason)}`)
    }
    return `${lines.join('\n')}\n`
  }
}
