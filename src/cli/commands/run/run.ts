/** `run`: starts the connector, stops it gracefully at a signal, and reports what it delivered. */
import { relative } from 'node:path'
import type { Command } from 'commander'
import type { LoadedConfig } from '../../../config/load.ts'
import type { StopReport } from '../../../connector/draining.ts'
import { formatDuration } from '../../../units.ts'
import { VERSION } from '../../../version.ts'
import type { CliContext, RunnableConnector } from '../../context.ts'
import { EXIT_FAILED, unknownCommand, usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import { duration } from '../../number-argument.ts'
import { awsAdvice } from './aws-advice.ts'
import { type StartUp, startUpText } from './start-up.ts'
import { aborted, endAtDeadline, watchStopSignals } from './stop-signals.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector run
  $ iot-analytics-connector run --config connector.yaml --data /var/lib/connector
  $ iot-analytics-connector run --connector-definition connectors.json
  $ iot-analytics-connector run --set sources.mqttServer.port=1884 --log-level debug

SIGHUP reads certificates, users and access rules again, without dropping connections.

SIGTERM or Ctrl-C stops the intake, delivers until shortly before the deadline, and keeps the rest
on disk for the next start. If the disk does not answer, the program still ends at the deadline (but
not before 2.5s), says so, and has exit code 1, or ends by SIGKILL if a call to the disk hangs. No
acknowledged message is lost. A second signal ends the program at once, with exit code 1.`

const DEADLINE_MS = 10_000
const MAX_DEADLINE_MS = 3_600_000

export function addRunCommand(program: Command, context: CliContext): void {
  program
    .command('run', { isDefault: true })
    .description('take, store and deliver messages until stopped (the default command)')
    .option(
      '--deadline <duration>',
      'how long stopping may take after a stop signal (default: 10s)',
      duration(MAX_DEADLINE_MS),
    )
    .allowExcessArguments()
    .addHelpText('after', EXAMPLES)
    .action(async (flags: { deadline?: number }, command: Command) => {
      refuseArguments(command, program)
      await run(command, context, flags.deadline ?? DEADLINE_MS)
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

async function run(command: Command, context: CliContext, deadlineMs: number): Promise<void> {
  const { process } = context
  const loaded = await loadConfigOf(command, context)
  const createConnector = await context.loadConnector()
  const connector = createConnector(loaded.config)
  const signals = watchStopSignals(process, () => process.exit(EXIT_FAILED))
  const callOff = endAtDeadline(process, signals.first, deadlineMs)
  const reload = (): void => void connector.reload()
  process.on('SIGHUP', reload)
  try {
    const { startErrorOf } = await import('../../../connector/start-check.ts')
    const { problems, notices } = await connector.check()
    const problem = startErrorOf(problems)
    if (problem !== undefined) throw problem
    await connector.start()
    const startUp = startUpOf(loaded, notices, process.argv[1])
    process.stdout.write(startUpText(startUp, connector.describe()))
    await aborted(signals.first)
    await stop(connector, context, String(signals.first.reason), deadlineMs)
  } finally {
    process.off('SIGHUP', reload)
    signals.stop()
    callOff()
  }
}

function startUpOf(
  loaded: LoadedConfig,
  advice: readonly string[],
  script: string | undefined,
): StartUp {
  const { config, files } = loaded
  return {
    command: commandOf(script),
    version: VERSION,
    files,
    notices: [...loaded.notices, ...awsAdvice(config), ...advice],
    defaultChannel: config.parameters.defaultChannelName,
    inputs: config.inputs,
  }
}

/**
 * In a clone of the repository the program is not on the PATH; the printed commands work there too.
 */
function commandOf(script: string | undefined): string {
  if (script === undefined || !script.endsWith('.js')) return 'iot-analytics-connector'
  return `node ${relative('', script)}`
}

async function stop(
  connector: RunnableConnector,
  { process }: CliContext,
  signal: string,
  deadlineMs: number,
): Promise<void> {
  process.stdout.write(
    `\n${signal}: the intake is stopped; delivering for up to ${formatDuration(deadlineMs)}. Send the signal again to end at once.\n`,
  )
  process.stdout.write(stopText(await connector.stop({ deadlineMs })))
}

function stopText({ delivered, kept, lost }: StopReport): string {
  const parts = [`delivered ${delivered}`, `kept ${kept} for the next start`]
  if (lost > 0) parts.push(`lost ${lost} that were only in memory`)
  return `Stopped. While stopping: ${parts.join(', ')}.\n`
}
