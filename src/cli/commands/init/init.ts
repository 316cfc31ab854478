/** `init`: writes the first configuration file. */
import { existsSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { DEFAULT_CONFIG_FILE, loadConfig } from '../../../config/load.ts'
import { ConnectorError, systemCodeOf, writeReasonOf } from '../../../errors.ts'
import type { CliContext } from '../../context.ts'
import { usageError } from '../../exit-code.ts'
import type { Answers } from './first-config.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector init                  asks six questions
  $ iot-analytics-connector init --yes            with the answers that suit a first look
  $ iot-analytics-connector init -c /etc/iot-analytics-connector.yaml

Writes a configuration file with comments, checks it, and names the next command. A file that exists
is replaced only after a question.`

const PASSWORD_FILE = 'mqtt-users'

interface InitFlags {
  readonly yes?: true
}

export function addInitCommand(program: Command, context: CliContext): void {
  program
    .command('init')
    .description('write a first configuration file, with comments')
    .option('-y, --yes', 'ask nothing')
    .addHelpText('after', EXAMPLES)
    .action(async ({ yes }: InitFlags, command: Command) => {
      const { config } = command.optsWithGlobals()
      await init(typeof config === 'string' ? config : DEFAULT_CONFIG_FILE, yes === true, context)
    })
}

async function init(file: string, asksNothing: boolean, { process }: CliContext): Promise<void> {
  const { stdin, stdout, env } = process
  const exists = existsSync(file)
  if (asksNothing && exists) {
    throw usageError(`${file} exists, and init --yes replaces nothing; name another with --config`)
  }
  if (!asksNothing && !(stdin.isTTY && stdout.isTTY)) {
    throw usageError(
      'init asks questions, and standard input or output is not a terminal; use init --yes for the defaults',
    )
  }
  const { DEFAULT_ANSWERS, firstConfig } = await import('./first-config.ts')
  const passwordFile = join(dirname(file), PASSWORD_FILE)
  const answers = asksNothing ? DEFAULT_ANSWERS : await ask(file, exists, passwordFile)
  await writeWhole(file, firstConfig(answers), exists)
  if (answers.source.kind === 'network') await addPasswordFile(passwordFile)
  stdout.write(`Wrote ${file}.\n`)

  const { config } = await loadConfig({ file, environment: env })
  const { checkStart, startErrorOf } = await import('../../../connector/checks/start-check.ts')
  const { problems } = await checkStart(config)
  const error = startErrorOf(problems)
  if (error !== undefined) throw error
  stdout.write(`check: the connector can start with it.\n\nNext:\n${nextSteps(answers, file)}`)
}

async function ask(file: string, exists: boolean, passwordFile: string): Promise<Answers> {
  const { askAnswers, askToReplace } = await import('./questions.ts')
  if (exists && !(await askToReplace(file))) {
    throw usageError(`${file} was left as it is; name another with --config`)
  }
  return await askAnswers(passwordFile)
}

/** The file is complete or not there, and one that exists is replaced only if it was asked for. */
async function writeWhole(file: string, text: string, mayReplace: boolean): Promise<void> {
  const fresh = mayReplace ? `${file}.${process.pid}` : file
  let handle: FileHandle | undefined
  try {
    handle = await open(fresh, 'wx')
    await handle.writeFile(text)
    await handle.sync()
    if (mayReplace) await rename(fresh, file)
  } catch (thrown) {
    if (handle !== undefined) await rm(fresh, { force: true })
    throw new ConnectorError('StorageFailed', `Can’t write ${file}: ${writeReasonOf(thrown)}`, {
      cause: thrown,
    })
  } finally {
    await handle?.close()
  }
}

/** Without users nobody can connect yet. Users that are there already stay. */
async function addPasswordFile(file: string): Promise<void> {
  try {
    await (await open(file, 'wx', 0o600)).close()
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'EEXIST') return
    throw new ConnectorError('StorageFailed', `Can’t write ${file}: ${writeReasonOf(thrown)}`)
  }
}

function nextSteps({ source, input }: Answers, file: string): string {
  const given = file === DEFAULT_CONFIG_FILE ? '' : ` -c ${file}`
  const program = '  $ iot-analytics-connector'
  const users = source.kind === 'network' ? [`${program} passwd ${source.passwordFile} pump-1`] : []
  const publish =
    source.kind === 'local'
      ? [`${program} publish my_channel '{"temp":23.3}'${given}      in another terminal`]
      : []
  const about = input === '' ? [] : [`Messages on ${input} are in the channel that the file names.`]
  return `${[...users, `${program} run${given}`, ...publish, ...about].join('\n')}\n`
}
