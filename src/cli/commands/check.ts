/** `check`: prints the configuration in force, or everything that would keep `run` from starting. */
import type { Command } from 'commander'
import { ConnectorError } from '../../errors.ts'
import type { CliContext } from '../context.ts'
import { loadConfigOf } from '../global-flags.ts'
import { awsAdvice } from './run/aws-advice.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector check
  $ iot-analytics-connector check --config connector.yaml --set storage.durability=memory
  $ iot-analytics-connector check --while-running               before a restart
  $ iot-analytics-connector check --connector-definition connectors.json > connector.yaml

It reads all files that the configuration names, tries the ports, looks at the data directory, and
changes nothing. The output is itself a configuration file. It has every default, and a comment
after each value says where the value comes from. Secrets are masked.`

const HINT =
  'If the connector itself is running there, check its configuration with check --while-running.'

export function addCheckCommand(program: Command, context: CliContext): void {
  program
    .command('check')
    .description('check whether run could start, and print the configuration in force')
    .option(
      '--while-running',
      'accept ports and a data directory that are in use, as they are while the connector runs',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: { whileRunning?: true }, command: Command) => {
      const { process } = context
      const { describeConfig } = await import('../../config/describe.ts')
      const loaded = await loadConfigOf(command, context)
      const { checkStart, startErrorOf } = await import('../../connector/start-check.ts')
      const { notices, config } = loaded
      const start = await checkStart(config)
      const isAccepted = flags.whileRunning === true
      const problems = start.problems.filter((problem) => !isAccepted || !isInUse(problem))
      const problem = startErrorOf(problems)
      if (problem !== undefined) throw problems.some(isInUse) ? withHint(problem) : problem
      process.stdout.write(describeConfig(loaded))
      for (const notice of [...notices, ...awsAdvice(config), ...start.notices]) {
        process.stderr.write(`Note: ${notice}\n`)
      }
    })
}

function isInUse({ code }: ConnectorError): boolean {
  return code === 'AddressInUse' || code === 'DirectoryLocked'
}

function withHint({ code, message }: ConnectorError): ConnectorError {
  return new ConnectorError(code, `${message}\n${HINT}`)
}
