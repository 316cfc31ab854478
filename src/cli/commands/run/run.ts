/** `run`: starts the connector, stops it gracefully at a signal, and reports both. */
import { relative } from 'node:path'
import type { Command } from 'commander'
import type { LoadedConfig } from '../../../config/load.ts'
import { VERSION } from '../../../version.ts'
import type { CliContext } from '../../context.ts'
import { EXIT_FAILED, unknownCommand, usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import { duration } from '../../number-argument.ts'
import { awsAdvice } from './aws-advice.ts'
import { RunReport } from './run-report.ts'
import type { StartUp } from './start-up.ts'
import { aborted, endAtDeadline, watchStopSignals } from './stop-signals.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector run
  $ iot-analytics-connector run --config connector.yaml --data /var/lib/connector
  $ iot-analytics-connector run --connector-definition connectors.json
  $ iot-analytics-connector run --set sources.mqttServer.port=1884 --log-level debug

On a terminal, a banner says where everything is and what to try. Elsewhere the log has it: the
events started, stopping and stopped, at level info.

SIGHUP reads certificates, users and access rules again, without dropping connections.

SIGTERM or Ctrl-C stops the intake, delivers until shortly before the deadline, and keeps the rest
on disk for the next start. If the disk does not answer, the program still ends at the deadline (but
not before 2.5s), says so, and has exit code 1, or ends by SIGKILL if a call to the disk hangs. No
acknowledged message is lost. A second signal ends the program at once, with exit code 1.`

const DEADLINE_MS = 10_000
const MAX_DEADLINE_MS = 3_600_000

interface RunFlags {
  readonly deadline?: number
  /** Undefined: on a terminal only. */
  readonly banner?: boolean
}

export function addRunCommand(program: Command, context: CliContext): void {
  program
    .command('run', { isDefault: true })
    .description('take, store and deliver messages until stopped (the default command)')
    .option(
      '--deadline <duration>',
      'how long stopping may take after a stop signal (default: 10s)',
      duration(MAX_DEADLINE_MS),
    )
    .option('--banner', 'print the banner also where standard output is not a terminal')
    .option('--no-banner', 'do not print the banner')
    .allowExcessArguments()
    .addHelpText('after', EXAMPLES)
    .action(async (flags: RunFlags, command: Command) => {
      refuseArguments(command, program)
      await run(flags, command, context)
    })
}

/** `run` is the default command, so the name of an unknown command arrives as its argument. */
function refuseArguments({ args }: Command, program: Command): void {
  const [extra] = args
  if (extra === undefined) return
  if (program.args[0] === 'run') throw usageError(`run takes no arguments, got ${extra}`)
  throw unknownCommand(
    extra,
    program.commands.map((command) => command.name()),
  )
}

async function run(flags: RunFlags, command: Command, context: CliContext): Promise<void> {
  const { process } = context
  const { deadline: deadlineMs = DEADLINE_MS } = flags
  const loaded = await loadConfigOf(command, context)
  const createConnector = await context.loadConnector()
  const connector = createConnector(loaded.config)
  const report = await reportOf(flags, loaded, process)
  const signals = watchStopSignals(process, () => process.exit(EXIT_FAILED))
  const callOff = endAtDeadline(process, signals.first, deadlineMs, () => report.late())
  const reload = (): void => void connector.reload()
  process.on('SIGHUP', reload)
  try {
    const { startErrorOf } = await import('../../../connector/start-check.ts')
    const { problems, notices } = await connector.check()
    const problem = startErrorOf(problems)
    if (problem !== undefined) throw problem
    await connector.start()
    report.started(startUpOf(loaded, notices, process.argv[1]), connector.describe())
    await aborted(signals.first)
    report.stopping(String(signals.first.reason), deadlineMs)
    report.stopped(await connector.stop({ deadlineMs }))
  } finally {
    process.off('SIGHUP', reload)
    signals.stop()
    callOff()
  }
}

/** Where the banner and readable log lines share a terminal, the banner is enough. */
async function reportOf(
  flags: RunFlags,
  { config }: LoadedConfig,
  { stdout, stderr }: NodeJS.Process,
): Promise<RunReport> {
  const { createLogger } = await import('../../../telemetry/logger.ts')
  const hasBanner = flags.banner ?? stdout.isTTY === true
  const isShared = stdout.isTTY === true && stderr.isTTY === true && config.log.format !== 'json'
  return new RunReport({
    logger: hasBanner && isShared ? undefined : createLogger(config.log, stderr),
    banner: hasBanner ? stdout : undefined,
  })
}

function startUpOf(
  { config, files, notices }: LoadedConfig,
  openFiles: readonly string[],
  script: string | undefined,
): StartUp {
  return {
    command: commandOf(script),
    version: VERSION,
    files,
    notices: [...notices, ...awsAdvice(config)],
    openFiles,
    config,
  }
}

/**
 * In a clone of the repository the program is not on the PATH; the printed commands work there too.
 */
function commandOf(script: string | undefined): string {
  if (script === undefined || !script.endsWith('.js')) return 'iot-analytics-connector'
  return `node ${relative('', script)}`
}
