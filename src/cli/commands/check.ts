/** `check`: prints the configuration in force, or everything that would keep `run` from starting. */
import type { Command } from 'commander'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { ConnectionCheck } from '../../connector/checks/connection-check.ts'
import { ConnectorError } from '../../errors.ts'
import { safeJson } from '../../shown-text.ts'
import type { CliContext } from '../context.ts'
import { EXIT_FINE, exitCodeOf } from '../exit-code.ts'
import { loadConfigOf } from '../global-flags.ts'
import { awsAdvice } from './run/aws-advice.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector check
  $ iot-analytics-connector check --config connector.yaml --set storage.durability=memory
  $ iot-analytics-connector check --while-running               before a restart
  $ iot-analytics-connector check --connect                     also asks the destinations
  $ iot-analytics-connector check --json | jq .problems
  $ iot-analytics-connector check --connector-definition connectors.json > connector.yaml

It reads all files that the configuration names, tries the ports, looks at the data directory, and
changes nothing. With --connect it also connects to each destination and looks for what messages are
written to, such as a table or a bucket; it sends no message. The output is itself a configuration file. It has every default, and a comment
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
    .option('--connect', 'ask every destination whether messages could be delivered now')
    .option('--json', 'print the result as JSON: ok, problems, notices and the configuration')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: CheckFlags, command: Command) => {
      const { process } = context
      const checked = await check(flags, command, context).catch(problemIn)
      const error = await errorOf(checked)
      if (flags.json === true) {
        process.stdout.write(await jsonOf(checked))
        process.exitCode = error === undefined ? EXIT_FINE : exitCodeOf(error)
        return
      }
      if (error !== undefined) throw error
      if (checked.loaded === undefined) return
      const { describeConfig } = await import('../../config/describe.ts')
      process.stdout.write(describeConfig(checked.loaded))
      for (const notice of checked.notices) process.stderr.write(`Note: ${notice}\n`)
      for (const { name, description } of checked.connections ?? []) {
        process.stderr.write(`${name} can be delivered to: ${description}\n`)
      }
    })
}

interface CheckFlags {
  readonly whileRunning?: true
  readonly connect?: true
  readonly json?: true
}

interface Checked {
  /** Undefined if it can't be read. */
  readonly loaded?: LoadedConfig
  readonly problems: readonly ConnectorError[]
  readonly notices: readonly string[]
  /** Undefined: they were not asked. */
  readonly connections?: readonly ConnectionCheck[] | undefined
}

async function check(flags: CheckFlags, command: Command, context: CliContext): Promise<Checked> {
  const loaded = await loadConfigOf(command, context)
  const { checkStart } = await import('../../connector/checks/start-check.ts')
  const start = await checkStart(loaded.config)
  const isAccepted = flags.whileRunning === true
  const problems = start.problems.filter((problem) => !isAccepted || !isInUse(problem))
  const connections = flags.connect === true ? await connect(loaded.config) : undefined
  const refusals = (connections ?? []).flatMap(({ name, problem }) =>
    problem === undefined ? [] : named(name, problem),
  )
  return {
    loaded,
    // What is wrong with a destination's settings has been found without asking it.
    problems: [...problems, ...refusals.filter((one) => !problems.some(isSameAs(one)))],
    connections,
    notices: [
      ...loaded.notices,
      ...awsAdvice(loaded.config),
      ...start.notices,
      ...(connections ?? []).flatMap(({ notices }) => notices),
    ],
  }
}

function named(name: string, { code, message, cause }: ConnectorError): ConnectorError {
  return new ConnectorError(code, `${name}: ${message}`, { cause })
}

async function connect(config: ConnectorConfig): Promise<ConnectionCheck[]> {
  const { checkConnections } = await import('../../connector/checks/connection-check.ts')
  return await checkConnections(config)
}

function isSameAs(one: ConnectorError): (other: ConnectorError) => boolean {
  return ({ message }) => message === one.message
}

function problemIn(thrown: unknown): Checked {
  if (!(thrown instanceof ConnectorError)) throw thrown
  return { problems: [thrown], notices: [] }
}

async function jsonOf({ loaded, problems, notices, connections }: Checked): Promise<string> {
  const { shownConfig } = await import('../../config/describe.ts')
  const result = {
    ok: problems.length === 0,
    problems: problems.map(({ code, message }) => ({ code, message })),
    notices,
    ...(connections === undefined ? {} : { connections: connections.map(shownConnection) }),
    config: loaded && shownConfig(loaded),
  }
  return `${safeJson(JSON.stringify(result, null, 2))}\n`
}

function shownConnection({ name, description, problem }: ConnectionCheck) {
  const { code, message } = problem ?? {}
  return { name, description, ok: problem === undefined, code, message }
}

/** One error for all of them; undefined if there is none. */
async function errorOf({ problems, connections = [] }: Checked) {
  const { startErrorOf } = await import('../../connector/checks/start-check.ts')
  const isAway = connections.some(({ problem }) => problem !== undefined)
  const error = startErrorOf(problems, isAway ? 'can’t start or can’t deliver' : undefined)
  return error !== undefined && problems.some(isInUse) ? withHint(error) : error
}

function isInUse({ code }: ConnectorError): boolean {
  return code === 'AddressInUse' || code === 'DirectoryLocked'
}

function withHint({ code, message }: ConnectorError): ConnectorError {
  return new ConnectorError(code, `${message}\n${HINT}`)
}
