/** `run`: starts the connector, stops it gracefully at a signal, and reports both. */
import type { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { EXIT_FAILED, unknownCommand, usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import { duration } from '../../number-argument.ts'
import { Runner } from './runner.ts'
import { aborted, endAtDeadline, watchStopSignals } from './stop-signals.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector run
  $ iot-analytics-connector run --config connector.yaml --data /var/lib/connector
  $ iot-analytics-connector run --connector-definition connectors.json
  $ iot-analytics-connector run --set sources.mqttServer.port=1884 --log-level debug
  $ iot-analytics-connector run --greengrass com.example.IoTAnalyticsConnector --deadline 3s

On a terminal, a banner says where everything is and what to try. Elsewhere the log has it: the
events started, stopping and stopped, at level info.

With --greengrass, the nucleus has started the program as a component. It takes the messages of
local publish/subscribe, and uses the component's configuration; when a deployment changes that, the
change is applied without ending the process. See docs/greengrass.md.

SIGHUP reads certificates, users and access rules again, without dropping connections.

SIGTERM or Ctrl-C stops the intake, delivers until shortly before the deadline, and keeps the rest
on disk for the next start. If the disk does not answer, the program still ends at the deadline (but
not before 2.5s), says so, and has exit code 1, or ends by SIGKILL if a call to the disk hangs. No
acknowledged message is lost. A second signal ends the program at once, with exit code 1; the same
signal within a second counts as the first one.`

const DEADLINE_MS = 10_000
const MAX_DEADLINE_MS = 3_600_000

interface RunFlags {
  readonly deadline?: number
  /** Undefined: on a terminal only. */
  readonly banner?: boolean
  /** Name of the component that a Greengrass nucleus has started this process as. */
  readonly greengrass?: string
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
    .option(
      '--greengrass <component>',
      'run as this component of a Greengrass v2 nucleus, with the configuration that it has there',
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
  const { deadline: deadlineMs = DEADLINE_MS, greengrass: name } = flags
  const runner = new Runner(flags, context)
  const signals = watchStopSignals(process, () => process.exit(EXIT_FAILED))
  const callOff = endAtDeadline(process, signals.first, deadlineMs, () => runner.late())
  const reload = (): void => void runner.reload()
  process.on('SIGHUP', reload)
  try {
    if (name === undefined) {
      await runner.start(await loadConfigOf(command, context))
      await aborted(signals.first)
      await runner.stop(String(signals.first.reason), deadlineMs)
    } else {
      const { runComponent } = await import('./component-run.ts')
      await runComponent({
        name,
        environment: process.env,
        load: (value) => loadConfigOf(command, context, { name, value }),
        runner,
        stopSignal: signals.first,
        deadlineMs,
      })
    }
  } finally {
    process.off('SIGHUP', reload)
    signals.stop()
    callOff()
  }
}
