/** `greengrass plan`: what becomes of a Greengrass v1 group in v2. Reads files and changes nothing. */
import { type Command, InvalidArgumentError } from 'commander'
import type { CliContext } from '../../context.ts'
import { EXIT_CODES_HELP } from '../../exit-code.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector greengrass plan connectors.json subscriptions.json
  $ iot-analytics-connector greengrass plan v1-export/*.json
  $ iot-analytics-connector greengrass plan v1-export/*.json --json | jq .notKept
  $ iot-analytics-connector greengrass plan v1-export/*.json --json |
      jq '.merge | map_values({MERGE: .})'      for greengrass-cli … --update-config

The files are what aws greengrass get-connector-definition-version and
get-subscription-definition-version printed, in any order; get-function-definition-version and
get-device-definition-version add names. AWS's export_ggv1.sh writes such files, but none with the
connector and its parameters. Nothing is asked of AWS, and nothing is changed.

The plan has the configuration to merge for each component, with the policies that the recipe does
not have; what becomes of each subscription; what else is to be done; and what cannot be kept, with
the reason. With --json, the configurations are under merge.`

const COMPONENT = 'com.example.IoTAnalyticsConnector'

interface PlanFlags {
  readonly component: string
  readonly json?: true
}

export function addPlanCommand(greengrass: Command, { process }: CliContext): void {
  greengrass
    .command('plan')
    .description('plan the way from a Greengrass v1 group to v2')
    .argument('<files...>', 'JSON of the group’s definition versions')
    .option('--component <name>', 'name of the connector’s component', componentName, COMPONENT)
    .option('--json', 'print JSON')
    .addHelpText('after', `${EXAMPLES}\n${EXIT_CODES_HELP}`)
    .action(async (files: readonly string[], { component, json }: PlanFlags) => {
      const { planOutput } = await import('./plan-output.ts')
      process.stdout.write(await planOutput(files, component, json === true))
    })
}

/** API reference of Greengrass v2, CreateComponentVersion. */
function componentName(text: string): string {
  if (/^[A-Za-z0-9._-]{1,128}$/.test(text)) return text
  throw new InvalidArgumentError('Expected 1 to 128 of A-Z a-z 0-9 . _ -')
}
