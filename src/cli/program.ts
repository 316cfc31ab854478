/** The command line: its commands, its help, its errors. */
import { basename } from 'node:path'
import { Command } from 'commander'
import { VERSION } from '../version.ts'
import { addApplyCommand } from './commands/apply/apply.ts'
import { addCheckCommand } from './commands/check.ts'
import { addCompletionCommand } from './commands/completion.ts'
import { addDeadLettersCommand } from './commands/dead-letters/dead-letters.ts'
import { addReplayCommand } from './commands/dead-letters/replay.ts'
import { addDoctorCommand } from './commands/doctor/doctor.ts'
import { addExportCommand } from './commands/export/export.ts'
import { addGreengrassCommand } from './commands/greengrass/greengrass.ts'
import { addImportCommand } from './commands/import/import.ts'
import { addInitCommand } from './commands/init/init.ts'
import { addPasswdCommand } from './commands/passwd/passwd.ts'
import { addPipelineFailuresCommand } from './commands/pipeline-failures/pipeline-failures.ts'
import { addPublishCommand } from './commands/publish/publish.ts'
import { addQueryCommand } from './commands/query/query.ts'
import { addRetryCommand } from './commands/retry.ts'
import { addRunCommand } from './commands/run/run.ts'
import { addStatusCommand } from './commands/status/status.ts'
import { addTailCommand } from './commands/tail/tail.ts'
import { addTopCommand } from './commands/top/top.ts'
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

/** The program's names, the short one last. */
const NAMES = ['iot-analytics-connector', 'iotac'] as const

/** @param name by which the program was called; help shows it */
export function createProgram(context: CliContext, name: string = NAMES[0]): Command {
  const program = new Command(name)
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
  addInitCommand(program, context)
  addCheckCommand(program, context)
  addPublishCommand(program, context)
  addTailCommand(program, context)
  addStatusCommand(program, context)
  addTopCommand(program, context)
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
  addGreengrassCommand(program, context)
  addCompletionCommand(program, NAMES)
  for (const command of program.commands) command.addHelpText('after', EXIT_CODES_HELP)
  return program
}

/** Commander would print the whole help, as if nothing had been asked for. */
function refuseUnknownHelp([, , command, topic]: readonly string[], { commands }: Command): void {
  if (command !== 'help' || topic === undefined || topic.startsWith('-')) return
  const names = commands.map((known) => known.name())
  if (topic !== 'help' && !names.includes(topic)) throw unknownCommand(topic, names)
}

/** Of links to the program; elsewhere, such as in `node main.js`, it is the long one. */
function calledName([, path = '']: readonly string[]): string {
  const called = basename(path)
  return NAMES.find((name) => name === called) ?? NAMES[0]
}

/** Answers the script of a shell. */
async function complete(program: Command, words: readonly string[], context: CliContext) {
  const { printCompletions } = await import('./completion/completion.ts')
  await printCompletions(program, words, async () => {
    const { channelNames } = await import('./completion/channel-names.ts')
    return await channelNames(words, context)
  })
}

/** Runs one command line to its end and returns the exit code. Never throws. */
export async function runCommandLine(argv: readonly string[], context: CliContext) {
  const { process } = context
  const program = createProgram(context, calledName(argv))
  try {
    if (argv[2] === 'complete' && argv[3] === '--') {
      await complete(program, argv.slice(4), context)
      return EXIT_FINE
    }
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
