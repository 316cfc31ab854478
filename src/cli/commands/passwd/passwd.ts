/** `passwd`: edits the password file of the MQTT server. */
import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import {
  ConnectorError,
  fileReasonOf,
  messageOf,
  systemCodeOf,
  writeReasonOf,
} from '../../../errors.ts'
import { safeJson } from '../../../shown-text.ts'
import {
  isUserName,
  parsePasswordFile,
  withoutUser,
  withUser,
} from '../../../sources/mqtt-server/access/password-file.ts'
import { hashPassword } from '../../../sources/mqtt-server/access/password-hash.ts'
import type { CliContext } from '../../context.ts'
import { usageError } from '../../exit-code.ts'
import { askPassword } from './password-prompt.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector passwd users pump-1                  asks for the password
  $ printf %s "$PASSWORD" | iot-analytics-connector passwd users pump-1
  $ iot-analytics-connector passwd users pump-1 --delete

The file has scrypt hashes, never passwords. Name it in sources.mqttServer.passwordFile. A running
connector reads changes at once, and disconnects users who were deleted or whose password changed.`

/** Only the owner may read the file. */
const FILE_MODE = 0o600

interface PasswdFlags {
  readonly delete?: true
  readonly json?: true
}

export function addPasswdCommand(program: Command, context: CliContext): void {
  program
    .command('passwd')
    .description('set a user’s password in a password file, or delete the user')
    .argument('<file>', 'the password file; created if it does not exist')
    .argument('<user>', 'the user name')
    .option('--delete', 'delete the user')
    .option('--json', 'print the result as one line of JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, user: string, flags: PasswdFlags) => {
      if (!isUserName(user)) {
        throw usageError(
          'a user name has 1 to 256 characters, no colon and no control characters, and does not begin with #',
        )
      }
      const { process } = context
      if (flags.delete === true) await deleteUser(file, user)
      else await setPassword(file, user, process)
      const done = flags.delete === true ? 'deleted' : 'set'
      const json = safeJson(JSON.stringify({ file, user, done }))
      process.stdout.write(`${flags.json === true ? json : `${file}: user ${user} ${done}`}\n`)
    })
}

async function deleteUser(file: string, user: string): Promise<void> {
  const left = withoutUser(await readUsers(file), user)
  if (left === undefined) throw usageError(`${file} has no user ${user}`)
  await replaceFile(file, left)
}

async function setPassword(file: string, user: string, process: NodeJS.Process): Promise<void> {
  // A file that can't be read is reported before anybody types a password.
  await readUsers(file)
  const hash = await hashPassword(await askPassword(process, user))
  await replaceFile(file, withUser(await readUsers(file), user, hash))
}

/** Throws `InvalidConfiguration` for a file that is not a password file. */
async function readUsers(file: string): Promise<string> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return ''
    throw cannot('read', file, fileReasonOf(thrown), thrown)
  }
  try {
    parsePasswordFile(text)
    return text
  } catch (thrown) {
    throw cannot('use', file, messageOf(thrown), thrown)
  }
}

/** A reader gets the whole old file or the whole new one, also after a power cut. */
async function replaceFile(file: string, text: string): Promise<void> {
  const fresh = `${file}.${randomBytes(6).toString('hex')}`
  try {
    const handle = await open(fresh, 'wx', FILE_MODE)
    try {
      // The connector must be able to read its file, whichever user runs the command.
      const known = await stat(file).catch(() => undefined)
      if (known !== undefined) await handle.chown(known.uid, known.gid).catch(() => undefined)
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
  } catch (thrown) {
    await rm(fresh, { force: true })
    throw cannot('write', file, writeReasonOf(thrown), thrown)
  }
}

function cannot(doing: string, file: string, reason: string, cause: unknown): ConnectorError {
  const text = `Can’t ${doing} ${resolve(file)}: ${reason}`
  return new ConnectorError('InvalidConfiguration', text, { cause })
}
