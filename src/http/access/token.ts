/** The token of `http.token`, and tokens in requests. */
import { createHash } from 'node:crypto'
import { ConnectorError } from '../../errors.ts'
import { readNamedSecret } from '../../named-files/named-file.ts'

export const MIN_TOKEN_CHARACTERS = 16

/**
 * The token itself, or the content of its file without a line end; undefined without either.
 * @throws {ConnectorError} InvalidConfiguration if the file can't be read, or has no token.
 */
export async function readToken(options: {
  readonly token?: string | undefined
  readonly tokenFile?: string | undefined
}): Promise<string | undefined> {
  const { token, tokenFile } = options
  if (tokenFile === undefined) return token
  return await readTokenFile(tokenFile, 'http.tokenFile')
}

/** `setting` names the file. @throws {ConnectorError} InvalidConfiguration */
export async function readTokenFile(path: string, setting: string): Promise<string> {
  const text = await readNamedSecret(path, setting)
  if (text.length >= MIN_TOKEN_CHARACTERS && /^[\x21-\x7e]+$/.test(text)) return text
  throw new ConnectorError(
    'InvalidConfiguration',
    `${setting}: expected one line of at least ${MIN_TOKEN_CHARACTERS} letters, digits and ` +
      `signs without spaces in ${path}. \`openssl rand -hex 32\` makes one.`,
  )
}

/** A bearer token, or the password of basic authentication, which browsers can send. */
export function tokenIn(authorization: string | undefined): string | undefined {
  const header = /^(bearer|basic) +(\S+) *$/i.exec(authorization ?? '')
  const [, scheme = '', credentials = ''] = header ?? []
  if (scheme.toLowerCase() === 'bearer') return credentials
  if (scheme === '') return undefined
  const userAndPassword = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = userAndPassword.indexOf(':')
  return colon === -1 ? undefined : userAndPassword.slice(colon + 1)
}

/** What is kept and compared in place of a token. */
export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
