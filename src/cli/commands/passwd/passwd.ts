/** `passwd`: edits the password file of the MQTT server. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { ConnectorError, fileReasonOf, messageOf, systemCodeOf } from '../../../errors.ts'
import { replaceSecretFile } from '../../../named-files/secret-file.ts'
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

export function addPasswdCommand(program: Command, context: CliContext): void {
  program
    .command('passwd')
    .description('set a user’s password in a password file, or delete the user')
    .argument('<file>', 'the password file; created if it does not exist')
    .argument('<user>', 'the user name')
    .option('--delete', 'delete the user')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, user: string, flags: { delete?: true }) => {
      if (!isUserName(user)) {
        throw usageError(
          'a user name has 1 to 256 characters, no colon and no control characters, and does not begin with #',
        )
      }
      const { process } = context
      if (flags.delete === true) await deleteUser(file, user)
      else await setPassword(file, user, process)
      process.stdout.write(`${file}: user ${user} ${flags.delete === true ? 'deleted' : 'set'}\n`)
    })
}

async function deleteUser(file: string, user: string): Promise<void> {
  const left = withoutUser(await readUsers(file), user)
  if (left === undefined) throw usageError(`${file} has no user ${user}`)
  await replaceSecretFile(file, left)
}

async function setPassword(file: string, user: string, process: NodeJS.Process): Promise<void> {
  // A file that can't be read is reported before anybody types a password.
  await readUsers(file)
  const hash = await hashPassword(await askPassword(process, user))
  await replaceSecretFile(file, withUser(await readUsers(file), user, hash))
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

function cannot(doing: string, file: string, reason: string, cause: unknown): ConnectorError {
  const text = `Can’t ${doing} ${resolve(file)}: ${reason}`
  return new ConnectorError('InvalidConfiguration', text, { cause })
}
