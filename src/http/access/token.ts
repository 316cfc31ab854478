/** The token of `http.token`: what a request has to carry, if one is set. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { ConnectorError } from '../../errors.ts'
import { readNamedSecret } from '../../named-files/named-file.ts'

export const MIN_TOKEN_CHARACTERS = 16

/** For browsers, which then ask for a password. */
export const CHALLENGE = 'Basic realm="iot-analytics-connector", charset="UTF-8"'

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
  const text = await readNamedSecret(tokenFile, 'http.tokenFile')
  if (text.length >= MIN_TOKEN_CHARACTERS && /^[\x21-\x7e]+$/.test(text)) return text
  throw new ConnectorError(
    'InvalidConfiguration',
    `http.tokenFile: expected one line of at least ${MIN_TOKEN_CHARACTERS} letters, digits and ` +
      `signs without spaces in ${tokenFile}. \`openssl rand -hex 32\` makes one.`,
  )
}

export class TokenCheck {
  readonly #digest: Buffer

  constructor(token: string) {
    this.#digest = digestOf(token)
  }

  /** Takes as long for every wrong token. */
  isGiven(authorization: string | undefined): boolean {
    const given = tokenIn(authorization ?? '')
    return given !== undefined && timingSafeEqual(digestOf(given), this.#digest)
  }
}

/** A bearer token, or the password of basic authentication, which browsers can send. */
function tokenIn(authorization: string): string | undefined {
  const [, scheme = '', credentials = ''] = /^(bearer|basic) +(\S+) *$/i.exec(authorization) ?? []
  if (scheme.toLowerCase() === 'bearer') return credentials
  if (scheme === '') return undefined
  const userAndPassword = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = userAndPassword.indexOf(':')
  return colon === -1 ? undefined : userAndPassword.slice(colon + 1)
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
