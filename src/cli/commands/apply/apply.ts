/** `apply`: makes the running connector's definitions as files say. */
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { type Command, InvalidArgumentError } from 'commander'
import { ConnectorError, fileReasonOf } from '../../../errors.ts'
import { addConnectorFlags, type ConnectorFlags } from '../../connector-flags.ts'
import type { CliContext } from '../../context.ts'
import { EXIT_FAILED, usageError } from '../../exit-code.ts'
import type { Definition, FoundResource } from './definition.ts'
import type { DefinitionDocument } from './definition-document.ts'
import type { Change } from './plan.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector apply plant.yaml --dry-run     what would change
  $ iot-analytics-connector apply plant.yaml
  $ iot-analytics-connector apply template.yaml --parameter Stage=test --parameter Role.Arn=arn:aws:…
  $ aws iotanalytics describe-pipeline --pipeline-name warm | iot-analytics-connector apply -
  $ iot-analytics-connector apply *.yaml --dry-run --exit-code || echo "something differs"

A file has channels, datastores, pipelines and datasets, each a list of what the Create operations of
the API take; or one of them; or the output of a Describe operation; or it is a CloudFormation
template with resources of the types AWS::IoTAnalytics::…. Everything that is not in the files stays
as it is. A resource becomes as it is defined: members that are left out get their defaults, and tags
that are left out stay.

The connector must be running, with analytics.api. Its keys are those of the configuration, or with
--url those in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Applying twice changes nothing the second
time. If a change fails, the ones before it are made, and the rest is not; apply again to go on.`

const STDIN = '-'
const MAX_SHOWN_PROBLEMS = 20

interface ApplyFlags extends ConnectorFlags {
  readonly parameter?: ReadonlyMap<string, string>
  readonly dryRun?: true
  readonly exitCode?: true
  readonly json?: true
}

export function addApplyCommand(program: Command, context: CliContext): void {
  const command = program
    .command('apply')
    .description('define channels, datastores, pipelines and datasets as files say')
    .argument('<files...>', 'YAML or JSON; - for standard input')
    .option('--dry-run', 'show what would change, and change nothing')
    .option('--exit-code', 'with --dry-run: exit code 1 if something would change')
    .option(
      '--parameter <name=value>',
      'value of a template’s parameter, or of what else it refers to; can be repeated',
      parameter,
    )
    .option('--json', 'print the changes as JSON')
  addConnectorFlags(command)
    .addHelpText('after', EXAMPLES)
    .action(async (files: readonly string[], flags: ApplyFlags, self: Command) => {
      if (flags.exitCode === true && flags.dryRun !== true) {
        throw usageError('--exit-code is for --dry-run')
      }
      await apply(files, flags, self, context)
    })
}

async function apply(
  files: readonly string[],
  flags: ApplyFlags,
  command: Command,
  context: CliContext,
): Promise<void> {
  const { process } = context
  const definitions = await definitionsIn(files, flags.parameter ?? new Map(), context)
  const { openAnalyticsClient } = await import('./analytics-client.ts')
  const { applied, plannedChanges } = await import('./applying.ts')
  const { refusalOf } = await import('./plan.ts')
  const { jsonReport, outcomeText, planText } = await import('./report.ts')
  const client = await openAnalyticsClient(flags, command, context)
  const changes = await plannedChanges(client, definitions)
  const isDryRun = flags.dryRun === true
  const isJson = flags.json === true
  if (!isJson) process.stdout.write(planText(changes))
  const refusals = changes.flatMap((change) => refusalOf(change) ?? [])
  if (refusals.length > 0) {
    if (isJson) process.stdout.write(jsonReport(isDryRun, changes, []))
    process.stderr.write(`error: ${problemText(refusals)}\n`)
    process.exitCode = EXIT_FAILED
    return
  }
  if (isDryRun) {
    if (isJson) process.stdout.write(jsonReport(true, changes, []))
    if (flags.exitCode === true && changes.some(isChange)) process.exitCode = EXIT_FAILED
    return
  }
  const outcomes = await applied(client, changes, (outcome) => {
    if (!isJson) process.stdout.write(outcomeText(outcome))
  })
  if (isJson) process.stdout.write(jsonReport(false, changes, outcomes))
  if (outcomes.some(({ error }) => error !== undefined)) process.exitCode = EXIT_FAILED
}

function isChange({ action }: Change): boolean {
  return action !== 'unchanged'
}

async function definitionsIn(
  files: readonly string[],
  parameters: ReadonlyMap<string, string>,
  context: CliContext,
): Promise<readonly Definition[]> {
  const { checkedDefinitions } = await import('./definition.ts')
  const { parseDefinitions } = await import('./definition-document.ts')
  const found: FoundResource[] = []
  const problems: string[] = []
  for (const file of new Set(files)) {
    const name = file === STDIN ? 'standard input' : file
    const document = parseDefinitions(name, await bytesOf(file, context))
    const read = await resourcesOf(document, parameters, context)
    found.push(...read.found)
    problems.push(...read.problems)
  }
  const checked = checkedDefinitions(found)
  problems.push(...checked.problems)
  if (problems.length > 0) {
    throw new ConnectorError('InvalidConfiguration', problemText(problems))
  }
  if (checked.definitions.length > 0) return checked.definitions
  throw usageError(`there are no definitions in ${files.join(', ')}`)
}

async function resourcesOf(
  document: DefinitionDocument,
  parameters: ReadonlyMap<string, string>,
  { process }: CliContext,
) {
  const { isTemplate, leftOutText, templateResources } = await import('./template.ts')
  if (!isTemplate(document)) {
    const { resourcesIn } = await import('./api-shapes.ts')
    return resourcesIn(document)
  }
  const resources = templateResources(document, parameters)
  const { leftOut } = resources
  if (leftOut.length > 0) {
    process.stderr.write(`${document.file}: resources left out: ${leftOutText(leftOut)}\n`)
  }
  return resources
}

async function bytesOf(file: string, { process }: CliContext): Promise<Buffer> {
  if (file === STDIN) return await buffer(process.stdin)
  try {
    return await readFile(file)
  } catch (thrown) {
    throw usageError(`cannot read ${file}: ${fileReasonOf(thrown)}`)
  }
}

function problemText(problems: readonly string[]): string {
  const shown = problems.slice(0, MAX_SHOWN_PROBLEMS)
  const more = problems.length - shown.length
  const rest = more === 0 ? [] : [`… and ${more} more`]
  return `nothing was changed:\n${[...shown, ...rest].map((text) => `  ${text}`).join('\n')}`
}

function parameter(text: string, before: ReadonlyMap<string, string> = new Map()) {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('Expected NAME=VALUE.')
  }
  return new Map([...before, [name, value]])
}
