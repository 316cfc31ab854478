/**
 * The password file, written by the `passwd` command: one line `name:scrypt$…` for each user. Empty
 * lines and lines that begin with `#` are kept and ignored. Errors name the number of a line and
 * not its text, which may contain a secret.
 */
import { ConnectorError } from '../../../errors.ts'
import { type PasswordHash, parsePasswordHash } from './password-hash.ts'

/** A user name is 1 to 256 characters without colon or control characters, and not a comment. */
export function isUserName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a name must not contain them
  return /^[^:\u0000-\u001f\u007f]{1,256}$/.test(name) && !name.startsWith('#')
}

/** Throws `InvalidConfiguration`. */
export function parsePasswordFile(text: string): Map<string, PasswordHash> {
  const users = new Map<string, PasswordHash>()
  for (const [index, line] of linesOf(text).entries()) {
    const name = userOf(line)
    if (name === undefined) {
      if (line === '' || line.startsWith('#')) continue
      throw wrongLine(index, 'expected name:scrypt$…, as the passwd command writes it')
    }
    const hash = parsePasswordHash(line.slice(name.length + 1))
    if (hash === undefined) {
      throw wrongLine(
        index,
        'the password hash was not written by the passwd command; set the password again',
      )
    }
    if (users.has(name)) throw wrongLine(index, 'this user is listed twice')
    users.set(name, hash)
  }
  return users
}

/** The file's text with the user's hash in place of the old one, or appended. */
export function withUser(text: string, name: string, hash: string): string {
  const lines = linesOf(text)
  const index = lines.findIndex((line) => userOf(line) === name)
  lines.splice(index < 0 ? lines.length : index, index < 0 ? 0 : 1, `${name}:${hash}`)
  return `${lines.join('\n')}\n`
}

/** Undefined when there is no such user. */
export function withoutUser(text: string, name: string): string | undefined {
  const lines = linesOf(text)
  const left = lines.filter((line) => userOf(line) !== name)
  if (left.length === lines.length) return undefined
  return left.length === 0 ? '' : `${left.join('\n')}\n`
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

function userOf(line: string): string | undefined {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(0, colon))
  return isUserName(name) ? name : undefined
}

function wrongLine(index: number, what: string): ConnectorError {
  return new ConnectorError('InvalidConfiguration', `line ${index + 1}: ${what}`)
}
