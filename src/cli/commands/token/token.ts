/** `token`: makes, lists and revokes the tokens of `http.tokens`. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { systemClock } from '../../../clock.ts'
import { ConnectorError, fileReasonOf, messageOf, systemCodeOf } from '../../../errors.ts'
import type { Right } from '../../../http/access/right.ts'
import {
  createToken,
  EXPECTED_NAME,
  isTokenName,
  MAX_TOKENS,
  parseTokenFile,
  type StoredToken,
  tokenFileText,
} from '../../../http/access/token-file.ts'
import { replaceSecretFile } from '../../../named-files/secret-file.ts'
import type { CliContext } from '../../context.ts'
import { usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector token create grafana --file tokens
  $ iot-analytics-connector token create ops --rights operate --file tokens > ops.token
  $ iot-analytics-connector token list
  $ iot-analytics-connector token revoke grafana

view reads everything; operate also replays messages and retries deliveries. The file has hashes,
never tokens. Name it in http.tokens; then --file is not needed. A running connector reads changes at
once: the sessions and streams of a token that was revoked end.`

interface FileFlags {
  readonly file?: string
}

interface CreateFlags extends FileFlags {
  readonly rights: Right
}

export function addTokenCommand(program: Command, context: CliContext): void {
  const token = program
    .command('token')
    .description('make, list and revoke tokens for the HTTP API and the dashboard')
    .addHelpText('after', EXAMPLES)

  withFile(token.command('create').description('make a token, and print it once'))
    .argument('<name>', 'who will use it')
    .addOption(
      new Option('--rights <right>', 'what it may do').choices(['view', 'operate']).default('view'),
    )
    .action(async (name: string, flags: CreateFlags, command: Command) => {
      await create(name, flags, command, context)
    })

  withFile(token.command('list').description('list the tokens: name, right, time of creation'))
    .option('--json', 'print JSON')
    .action(async (flags: FileFlags & { json?: true }, command: Command) => {
      const { file } = await fileOf(flags, command, context)
      const listed = (await readTokens(file)).map(({ digest: _digest, ...shown }) => shown)
      const lines = listed.map(
        ({ name, right, createdAt }) => `${name.padEnd(24)} ${right.padEnd(8)} ${createdAt}\n`,
      )
      context.process.stdout.write(
        flags.json === true ? `${JSON.stringify(listed)}\n` : lines.join(''),
      )
    })

  withFile(token.command('revoke').description('end a token, and the sessions opened with it'))
    .argument('<name>', 'as token list shows it')
    .action(async (name: string, flags: FileFlags, command: Command) => {
      const { file } = await fileOf(flags, command, context)
      const tokens = await readTokens(file)
      const left = tokens.filter((token) => token.name !== name)
      if (left.length === tokens.length) {
        throw usageError(`${file} has no token ${name}; token list shows them`)
      }
      await replaceSecretFile(file, tokenFileText(left))
      context.process.stdout.write(`${file}: token ${name} revoked\n`)
    })
}

function withFile(command: Command): Command {
  return command.option('--file <file>', 'the file of tokens (default: http.tokens)')
}

async function create(
  name: string,
  flags: CreateFlags,
  command: Command,
  context: CliContext,
): Promise<void> {
  if (!isTokenName(name)) throw usageError(`token create ${name}: a name has ${EXPECTED_NAME}`)
  const { file, isConfigured } = await fileOf(flags, command, context)
  const tokens = await readTokens(file)
  if (tokens.some((known) => known.name === name)) {
    throw usageError(`${file} has a token ${name} already: take another name, or revoke it first`)
  }
  if (tokens.length >= MAX_TOKENS) {
    throw usageError(`${file} has ${MAX_TOKENS} tokens, and can have no more: revoke one first`)
  }
  const { token, stored } = createToken(name, flags.rights, systemClock.now())
  await replaceSecretFile(file, tokenFileText([...tokens, stored]))
  const { stdout, stderr } = context.process
  stdout.write(`${token}\n`)
  stderr.write(`${file}: token ${name} may ${flags.rights}. It is shown only now; keep it safe.\n`)
  if (isConfigured) return
  stderr.write(
    `To use it, add this to the configuration:\n\n  http:\n    tokens: ${resolve(file)}\n`,
  )
}

/** Where the tokens are, and whether a connector with this configuration reads them there. */
async function fileOf({ file }: FileFlags, command: Command, context: CliContext) {
  const { config } = await loadConfigOf(command, context)
  const configured = config.http === undefined ? undefined : config.http.tokens
  const named = file ?? configured
  if (named !== undefined) {
    const isConfigured = configured !== undefined && resolve(configured) === resolve(named)
    return { file: named, isConfigured }
  }
  throw usageError(
    'the configuration has no http.tokens; name the file of tokens with --file, such as --file tokens',
  )
}

/** Empty for a file that is not there. @throws {ConnectorError} InvalidConfiguration */
async function readTokens(file: string): Promise<StoredToken[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return []
    throw unusable('read', file, fileReasonOf(thrown))
  }
  try {
    return parseTokenFile(text)
  } catch (thrown) {
    throw unusable('use', file, messageOf(thrown))
  }
}

function unusable(doing: string, file: string, reason: string): ConnectorError {
  return new ConnectorError('InvalidConfiguration', `Can’t ${doing} ${resolve(file)}: ${reason}`)
}
