/** `check`: prints the configuration in force, or everything that is wrong with it. */
import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { directoryAdvice } from '../directory-advice.ts'
import { loadConfigOf } from '../global-flags.ts'
import { awsAdvice } from './run/aws-advice.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector check
  $ iot-analytics-connector check --config connector.yaml --set storage.durability=memory
  $ iot-analytics-connector check --connector-definition connectors.json > connector.yaml

The output is itself a configuration file. It has every default, and a comment after each value says
where the value comes from. Secrets are masked.`

export function addCheckCommand(program: Command, context: CliContext): void {
  program
    .command('check')
    .description('check the configuration without starting, and print what is in force')
    .addHelpText('after', EXAMPLES)
    .action(async (_flags: unknown, command: Command) => {
      const { process } = context
      const { describeConfig } = await import('../../config/describe.ts')
      const loaded = await loadConfigOf(command, context)
      process.stdout.write(describeConfig(loaded))
      const { notices, config } = loaded
      for (const notice of [...notices, ...awsAdvice(config), ...(await directoryAdvice(config))]) {
        process.stderr.write(`Note: ${notice}\n`)
      }
    })
}
