/** `import`: data that AWS IoT Analytics has left, into the tables of a data directory. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { SourceFile } from '../../../analytics/imports/source-file.ts'
import { isChannelName } from '../../../channel-name.ts'
import type { ConnectorConfig } from '../../../config/connector-config.ts'
import { ConnectorError } from '../../../errors.ts'
import { printable } from '../../../shown-text.ts'
import { counted, formatDuration } from '../../../units.ts'
import type { CliContext } from '../../context.ts'
import { EXIT_FAILED, usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import { assertDataDirectory } from '../doctor/data-directory.ts'
import { Cancellation } from '../query/cancellation.ts'
import type { ImportReport } from './import-report.ts'

const EXAMPLES = `
Examples:
  $ aws s3 sync s3://my-bucket/archive/ archive/
  $ iot-analytics-connector import archive/ --dry-run       what is there
  $ iot-analytics-connector import archive/ --data /var/lib/connector
  $ iot-analytics-connector import export/measured/         CSV of the migration’s template
  $ iot-analytics-connector import old.csv --into datastores.measured --day 2025-12-01

Two kinds of files are found below the paths, by their names:
  …channel/CHANNEL/__dt=DAY/START_END_….json.gz     messages of a channel, one on each line
  …DATASTORE/TIME/VERSION.csv                       rows of a datastore, with the column __dt

They become Parquet files beside those of the connector, and queries read them: messages as rows of
the channel, with the time in the file’s name, and rows of CSV as rows of the datastore. Files are
recognised, so importing them again changes nothing, and an import that was stopped goes on. A file
that is damaged is left out as a whole and named; the exit code is 1 then.

The connector must be stopped: the import needs the data directory for itself. It needs the package
@duckdb/node-api.`

const DAY_MS = 86_400_000

interface ImportFlags {
  readonly into?: Into
  readonly day?: string
  readonly dryRun?: true
  readonly ignoreRetention?: true
  readonly json?: true
}

type Into = { readonly kind: 'channels' | 'datastores'; readonly name: string }

export function addImportCommand(program: Command, context: CliContext): void {
  program
    .command('import')
    .description('import channel archives and exported datastores of AWS IoT Analytics')
    .argument('<paths...>', 'files and directories')
    .option(
      '--into <name>',
      'channels.NAME or datastores.NAME, for all files (default: by the names of directories)',
      into,
    )
    .option('--day <day>', 'day of rows that have none, such as 2025-12-01', day)
    .option('--dry-run', 'show which files there are, and import nothing')
    .option('--ignore-retention', 'import days that analytics.tables.retention will remove at once')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action((paths: readonly string[], flags: ImportFlags, self: Command) =>
      importFiles(paths, flags, self, context),
    )
}

async function importFiles(
  paths: readonly string[],
  flags: ImportFlags,
  command: Command,
  context: CliContext,
): Promise<void> {
  const { process } = context
  const { config } = await loadConfigOf(command, context)
  const { findSources } = await import('../../../analytics/imports/find-sources.ts')
  const { foundText, ImportReport } = await import('./import-report.ts')
  const found = await findSources(paths, { into: await tableOf(flags.into), day: flags.day })
  if (found.sources.length === 0 && found.leftOut.length === 0) {
    throw usageError(`there are no *.json.gz and no *.csv in ${paths.join(', ')}`)
  }
  if (flags.dryRun === true) {
    process.stdout.write(foundText(found))
    return
  }
  if (flags.ignoreRetention !== true) refuseExpired(found.sources, config)
  const directory = resolve(config.storage.directory)
  await assertDataDirectory(directory)
  const report = new ImportReport(found)
  const isStopped = await run(found.sources, directory, config, report, context)
  process.stdout.write(flags.json === true ? report.json() : report.text())
  if (isStopped || !report.isComplete) process.exitCode = EXIT_FAILED
}

/** @returns whether a signal has stopped it */
async function run(
  sources: readonly SourceFile[],
  directory: string,
  config: ConnectorConfig,
  report: ImportReport,
  context: CliContext,
): Promise<boolean> {
  const { process } = context
  const { importSources } = await import('../../../analytics/imports/importer.ts')
  const { connectorIdOf } = await import('../../../connector/connector-id.ts')
  const { importProgress } = await import('./import-progress.ts')
  const totalBytes = sources.reduce((sum, { bytes }) => sum + bytes, 0)
  const progress = await importProgress(process.stderr, totalBytes)
  const cancellation = new Cancellation(context)
  try {
    await importSources(sources, {
      directory,
      connectorId: () => connectorIdOf(config),
      now: () => Date.now(),
      onNotice: (notice) => process.stderr.write(`${printable(notice)}\n`),
      signal: cancellation.signal,
      onBytes: progress.read,
      onBatch: (batch, result) => {
        report.add(batch, result)
        progress.imported(result.rows)
      },
    })
    return false
  } catch (error) {
    if (!cancellation.signal.aborted) throw withAdvice(error)
    const { signalName = 'the output is closed' } = cancellation
    process.stderr.write(
      `${signalName}: the import was stopped; what is imported stays, and the same command goes on\n`,
    )
    return true
  } finally {
    progress.stop()
    cancellation.close()
  }
}

function withAdvice(error: unknown): unknown {
  if (!(error instanceof ConnectorError) || error.code !== 'DirectoryLocked') return error
  const text = `${error.message}. Stop the connector first: it keeps the tables while it runs`
  return new ConnectorError('DirectoryLocked', text, { cause: error })
}

/** Days that the running connector would remove from the tables of channels. */
function refuseExpired(sources: readonly SourceFile[], { analytics }: ConnectorConfig): void {
  if (analytics.tables === undefined) return
  const { retention } = analytics.tables
  const now = Date.now()
  const days = sources.flatMap(({ kind, table, day }) =>
    kind === 'archive' && table.startsWith('tables/') ? [day] : [],
  )
  const firstKept = new Date(now - retention).toISOString().slice(0, 10)
  const expired = [...new Set(days)].filter((one) => one < firstKept).sort()
  const [oldest] = expired
  if (oldest === undefined) return
  const needed = Math.ceil((now - Date.parse(oldest)) / DAY_MS) + 1
  throw usageError(
    `analytics.tables.retention is ${formatDuration(retention)}, so the connector would remove ${counted(expired.length, 'day')} (from ${oldest}) as soon as it runs. Raise it to ${needed}d or more, or import them all the same with --ignore-retention`,
  )
}

async function tableOf(given: Into | undefined) {
  if (given === undefined) return undefined
  const { importTable } = await import('../../../analytics/imports/source-file.ts')
  const { channelTable } = await import('../../../analytics/tables/table-location.ts')
  return given.kind === 'channels' ? channelTable(given.name) : importTable(given.name)
}

function into(text: string): Into {
  const [, kind, name = ''] = /^(channels|datastores)\.(.+)$/.exec(text) ?? []
  if ((kind === 'channels' || kind === 'datastores') && isChannelName(name)) return { kind, name }
  throw new InvalidArgumentError('Expected channels.NAME or datastores.NAME.')
}

function day(text: string): string {
  const time = Date.parse(`${text}T00:00:00Z`)
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(time)) return text
  throw new InvalidArgumentError('Expected a day such as 2025-12-01.')
}
