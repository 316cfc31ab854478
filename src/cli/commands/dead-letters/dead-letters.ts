/** `dead-letters`: lists the rejected messages, and why they were rejected. */
import type { Command } from 'commander'
import { printable, safeJson } from '../../../shown-text.ts'
import { type ConnectorClient, openConnectorClient } from '../../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../../connector-flags.ts'
import type { CliContext } from '../../context.ts'
import { wholeNumber } from '../../number-argument.ts'
import { writeLines } from '../../output.ts'
import { payloadOf, timeOf } from '../tail/stored-message.ts'
import { addFilterFlags, type FilterFlags, filterOf } from './filter-flags.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector dead-letters                          all of them, the oldest first
  $ iot-analytics-connector dead-letters --error ResourceNotFoundException --since 24h
  $ iot-analytics-connector dead-letters --json | jq -r .payload

After the cause is fixed, replay sends them again.`

const PAGE_LETTERS = 1_000

interface DeadLettersFlags extends ConnectorFlags, FilterFlags {
  readonly json?: true
  readonly limit?: number
}

export function addDeadLettersCommand(program: Command, context: CliContext): void {
  const command = program
    .command('dead-letters')
    .description('list messages that a destination or routing rejected, and why')
  addConnectorFlags(
    addFilterFlags(command)
      .option('--json', 'print one JSON line per message, including the payload')
      .option(
        '-n, --limit <n>',
        'stop after this many messages',
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      ),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: DeadLettersFlags, self: Command) => {
      const connector = await openConnectorClient(flags, self, context)
      let count = 0
      const counted = async function* () {
        for await (const line of lettersOf(connector, flags)) {
          count += 1
          yield line
        }
      }
      await writeLines(context, counted())
      if (count > 0 || flags.json === true) return
      const isFiltered = Object.values(filterOf(flags)).some((value) => value !== undefined)
      const which = isFiltered ? ' that match' : ''
      context.process.stderr.write(`There are no dead letters${which}.\n`)
    })
}

async function* lettersOf(
  connector: ConnectorClient,
  flags: DeadLettersFlags,
): AsyncGenerator<string> {
  let left = flags.limit ?? Number.MAX_SAFE_INTEGER
  let from: string | undefined = '0'
  while (from !== undefined && left > 0) {
    const limit = String(Math.min(left, PAGE_LETTERS))
    const page: Response = await connector.getOrFail('/api/v1/dead-letters', {
      ...filterOf(flags),
      from,
      limit,
    })
    for await (const line of connector.lines(page)) {
      left -= 1
      yield flags.json === true ? safeJson(line) : textOf(line)
    }
    from = page.headers.get('x-next-offset') ?? undefined
  }
}

function textOf(line: string): string {
  const fields = new Map<string, unknown>(Object.entries(JSON.parse(line)))
  const field = (name: string): string => printable(String(fields.get(name) ?? ''))
  const refusedBy = fields.has('destination') ? field('destination') : 'routing'
  const parts = [
    timeOf(fields.get('keptAt')),
    `#${field('offset')}`,
    field('channel'),
    `rejected by ${refusedBy}: ${field('error')}: ${field('error_message')}`,
  ]
  if (fields.has('id')) parts.push(`id=${field('id')}`)
  parts.push(payloadOf(fields))
  return parts.join('  ')
}
