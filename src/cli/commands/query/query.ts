/** `query`: SQL on the stored messages, from the data directory or over HTTP. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { RESULT_FORMATS, type ResultFormat } from '../../../analytics/query/query-request.ts'
import { parseSize } from '../../../units.ts'
import { openConnectorClient } from '../../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../../connector-flags.ts'
import type { CliContext } from '../../context.ts'
import { EXIT_FAILED, usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import { duration } from '../../number-argument.ts'
import { assertDataDirectory } from '../doctor/data-directory.ts'
import type { Asked } from './asked.ts'
import { Cancellation } from './cancellation.ts'
import { queryConnector } from './connector-query.ts'
import { type QueriedDirectory, queryDirectory } from './directory-query.ts'
import { footerOf } from './footer.ts'
import { openResultOutput } from './result-output.ts'
import { readSql } from './sql-source.ts'

const EXAMPLES = `
A channel is a table. Its columns are those of every message (offset, arrival_time, message_id,
topic, sender_id, payload, …), the fields of JSON payloads, and __dt, the day of arrival.

Examples:
  $ iot-analytics-connector query "show tables"
  $ iot-analytics-connector query "describe my_channel"
  $ iot-analytics-connector query "select device, avg(temp) from my_channel group by all"
  $ iot-analytics-connector query "from my_channel where __dt = current_date" --output today.parquet
  $ iot-analytics-connector query -f report.sql > report.csv
  $ echo "select count(*) from my_channel" | iot-analytics-connector query
  $ iot-analytics-connector query "from my_channel" --url http://connector:8090    over HTTP

The SQL is DuckDB's, with the functions of Athena. Messages are in the result as soon as they are
acknowledged. A query reads the data directory, whether or not the connector runs, and changes
nothing. Times are UTC. It needs the package @duckdb/node-api.`

const MAX_TIMEOUT_MS = 24 * 3_600_000
const MIN_MEMORY_BYTES = 256 * 1024 * 1024

interface QueryFlags extends ConnectorFlags {
  readonly file?: string
  readonly format?: ResultFormat
  readonly json?: true
  readonly output?: string
  readonly explain?: true
  readonly timeout?: number
  readonly memory?: number
}

export function addQueryCommand(program: Command, context: CliContext): void {
  const command = program
    .command('query')
    .description('run SQL on the stored messages')
    .argument('[sql]', 'one SELECT (default: read from --file or standard input)')
    .option('-f, --file <file>', 'read the SQL from this file')
    .addOption(
      new Option(
        '--format <format>',
        'how the result is written (default: by the name of --output; table on a terminal, csv in a pipe)',
      ).choices(RESULT_FORMATS),
    )
    .option('--json', 'the same as --format jsonl')
    .option('-o, --output <file>', 'write the result to this file')
    .option('--explain', 'show how the query would run, without running it')
    .option(
      '--timeout <duration>',
      'end the query after this time (default: analytics.query.timeout)',
      duration(MAX_TIMEOUT_MS),
    )
    .option(
      '--memory <size>',
      'memory that the query may use (default: analytics.query.memory)',
      memorySize,
    )
  addConnectorFlags(command, 'ask the connector at this address instead of reading the directory')
    .addHelpText('after', EXAMPLES)
    .action(async (sql: string | undefined, flags: QueryFlags, self: Command) => {
      refuseUnusedFlags(flags)
      await query(await readSql(sql, flags.file, context.process), flags, self, context)
    })
}

async function query(
  sql: string,
  flags: QueryFlags,
  command: Command,
  context: CliContext,
): Promise<void> {
  const { process } = context
  const format = formatOf(flags, process)
  const isExplained = flags.explain === true
  const output = await openResultOutput(context, flags.output, format === 'parquet' && !isExplained)
  const cancellation = new Cancellation(context)
  const asked: Asked = {
    question: { sql, format, width: widthOf(flags, process), isExplained },
    signal: cancellation.signal,
    onPart: (part) => output.write(part),
  }
  try {
    const summary =
      flags.url === undefined
        ? await queryDirectory(asked, await queriedDirectory(flags, command, context))
        : await queryConnector(asked, await openConnectorClient(flags, command, context))
    await output.keep()
    if (!isExplained) process.stderr.write(`${footerOf(summary)}\n`)
  } catch (thrown) {
    await output.discard()
    // A closed output ends the command; it is not a failure.
    if (context.outputClosed.aborted) return
    if (cancellation.signalName === undefined) throw thrown
    process.stderr.write(`${cancellation.signalName}: the query was cancelled\n`)
    process.exitCode = EXIT_FAILED
  } finally {
    cancellation.close()
  }
}

async function queriedDirectory(
  { timeout, memory }: QueryFlags,
  command: Command,
  context: CliContext,
): Promise<QueriedDirectory> {
  const { config } = await loadConfigOf(command, context)
  const directory = resolve(config.storage.directory)
  await assertDataDirectory(directory)
  const { query } = config.analytics
  const limits = { ...query, timeout: timeout ?? query.timeout, memory: memory ?? query.memory }
  return { directory, limits }
}

function refuseUnusedFlags(flags: QueryFlags): void {
  const { url, ca, cert, key, timeout, memory, json, format } = flags
  if (json === true && format !== undefined && format !== 'jsonl') {
    throw usageError(`--json and --format ${format} contradict each other`)
  }
  if (url === undefined && (ca ?? cert ?? key) !== undefined) {
    throw usageError('--ca, --cert and --key need --url: without it, query reads the directory')
  }
  if (url !== undefined && (timeout ?? memory) !== undefined) {
    throw usageError(
      '--timeout and --memory can’t be used with --url: the connector at that address has its own',
    )
  }
}

/** What is asked for, what the name of the file asks for, or what suits a terminal or a program. */
function formatOf({ format, json, output }: QueryFlags, { stdout }: NodeJS.Process): ResultFormat {
  if (format !== undefined) return format
  if (json === true) return 'jsonl'
  if (output === undefined) return stdout.isTTY ? 'table' : 'csv'
  const ending = /\.([a-z]+)$/.exec(output.toLowerCase())?.[1] ?? ''
  if (ending === 'csv' || ending === 'parquet') return ending
  return ['jsonl', 'ndjson', 'json'].includes(ending) ? 'jsonl' : 'table'
}

/** Undefined if nobody looks at the table in a terminal. */
function widthOf({ output }: QueryFlags, { stdout }: NodeJS.Process): number | undefined {
  return output === undefined && stdout.isTTY ? stdout.columns : undefined
}

function memorySize(text: string): number {
  const bytes = parseSize(text)
  if (bytes !== undefined && bytes >= MIN_MEMORY_BYTES) return bytes
  throw new InvalidArgumentError('Expected a size such as 640MiB or 2GiB, at least 256MiB.')
}
