/** The command line: its commands, its help, its errors. */
import { Command } from 'commander'
import { VERSION } from '../version.ts'
import { addApplyCommand } from './commands/apply/apply.ts'
import { addCheckCommand } from './commands/check.ts'
import { addDashboardCommand } from './commands/dashboard.ts'
import { addDeadLettersCommand } from './commands/dead-letters/dead-letters.ts'
import { addReplayCommand } from './commands/dead-letters/replay.ts'
import { addDoctorCommand } from './commands/doctor/doctor.ts'
import { addExportCommand } from './commands/export/export.ts'
import { addGreengrassCommand } from './commands/greengrass/greengrass.ts'
import { addImportCommand } from './commands/import/import.ts'
import { addPasswdCommand } from './commands/passwd/passwd.ts'
import { addPipelineFailuresCommand } from './commands/pipeline-failures/pipeline-failures.ts'
import { addPublishCommand } from './commands/publish/publish.ts'
import { addQueryCommand } from './commands/query/query.ts'
import { addRetryCommand } from './commands/retry.ts'
import { addRunCommand } from './commands/run/run.ts'
import { addStatusCommand } from './commands/status.ts'
import { addTailCommand } from './commands/tail/tail.ts'
import { addTokenCommand } from './commands/token/token.ts'
import { addWhyCommand } from './commands/why.ts'
import type { CliContext } from './context.ts'
import {
  EXIT_CODES_HELP,
  EXIT_FINE,
  errorTextOf,
  exitCodeOf,
  isBug,
  unknownCommand,
} from './exit-code.ts'
import { addGlobalFlags } from './global-flags.ts'

const PURPOSE =
  'Takes messages from devices over MQTT, stores them in a durable log per channel, forwards them in batches to destinations, and sends every device a receipt.'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector                        run with ./iot-analytics-connector.yaml or the defaults
  $ iot-analytics-connector check -c connector.yaml      check a configuration file
  $ iot-analytics-connector publish my_channel '{"temp":23.33}'
  $ iot-analytics-connector tail my_channel --follow
`

export function createProgram(context: CliContext): Command {
  const program = new Command('iot-analytics-connector')
    .description(PURPOSE)
    .version(VERSION, '-v, --version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .addHelpText('after', `${EXAMPLES}${EXIT_CODES_HELP}`)
    .exitOverride()
  addGlobalFlags(program)
  // Commands inherit the settings above when they are added.
  addRunCommand(program, context)
  addCheckCommand(program, context)
  addPublishCommand(program, context)
  addTailCommand(program, context)
  addStatusCommand(program, context)
  addDashboardCommand(program, context)
  addDeadLettersCommand(program, context)
  addReplayCommand(program, context)
  addRetryCommand(program, context)
  addWhyCommand(program, context)
  addDoctorCommand(program, context)
  addExportCommand(program, context)
  addQueryCommand(program, context)
  addPipelineFailuresCommand(program, context)
  addApplyCommand(program, context)
  addImportCommand(program, context)
  addPasswdCommand(program, context)
  addTokenCommand(program, context)
  addGreengrassCommand(program, context)
  for (const command of program.commands) command.addHelpText('after', EXIT_CODES_HELP)
  return program
}

/** Commander would print the whole help, as if nothing had been asked for. */
function refuseUnknownHelp([, , command, topic]: readonly string[], { commands }: Command): void {
  if (command !== 'help' || topic === undefined || topic.startsWith('-')) return
  const names = commands.map((known) => known.name())
  if (topic !== 'help' && !names.includes(topic)) throw unknownCommand(topic, names)
}

/** Runs one command line to its end and returns the exit code. Never throws. */
export async function runCommandLine(argv: readonly string[], context: CliContext) {
  const { process } = context
  const program = createProgram(context)
  try {
    refuseUnknownHelp(argv, program)
    await program.parseAsync([...argv])
    return Number(process.exitCode ?? EXIT_FINE)
  } catch (thrown) {
    const text = errorTextOf(thrown)
    if (text !== undefined) process.stderr.write(`${text}\n`)
    const showsStack = program.opts()['logLevel'] === 'debug' && isBug(thrown)
    if (showsStack) process.stderr.write(`${thrown.stack}\n`)
    return exitCodeOf(thrown)
  }
}
