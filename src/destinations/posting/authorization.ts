/** How the connector identifies itself to an HTTP service: a token, or a user and a password. */
import * as z from 'zod'
import { file } from '../../named-files/tls-options.ts'
import { type HeaderField, type HeaderValue, isFieldValue } from './header-fields.ts'

export const authOption = z
  .strictObject({
    token: z
      .string()
      .refine(isFieldValue, { error: 'expected a token without control characters or spaces' })
      .optional()
      .describe('Token. Prefer tokenFile.'),
    tokenFile: file
      .optional()
      .describe(
        'File with the token. It is read again every minute, and when the server does not accept it.',
      ),
    username: z
      .string()
      .min(1)
      .optional()
      .describe('User name, sent with the password as "Authorization: Basic …".'),
    password: z.string().min(1).optional().describe('Password of the user. Prefer passwordFile.'),
    passwordFile: file.optional().describe('File with the password.'),
  })
  .refine(
    ({ token, tokenFile, username }) =>
      [token, tokenFile, username].filter((given) => given !== undefined).length === 1,
    { error: 'set one of token, tokenFile and username' },
  )
  .refine(
    ({ username, password, passwordFile }) =>
      [password, passwordFile].filter((given) => given !== undefined).length ===
      (username === undefined ? 0 : 1),
    { error: 'username goes with either password or passwordFile' },
  )
  .describe('How the connector identifies itself. Default: not at all.')

export type AuthOptions = z.output<typeof authOption>

/**
 * @param place the path of the options in the configuration
 * @param scheme what stands before a token
 */
export function authorizationOf(
  { username, password, passwordFile, token, tokenFile }: AuthOptions,
  place: string,
  scheme: 'Bearer' | 'Token',
): HeaderField {
  const name = 'authorization'
  if (username !== undefined) {
    const value = headerValue(password, passwordFile, `${place}.passwordFile`)
    return { name, value, around: (given) => basicAuthorization(username, given) }
  }
  const value = headerValue(token, tokenFile, `${place}.tokenFile`)
  return { name, value, around: (given) => `${scheme} ${given}` }
}

function headerValue(
  text: string | undefined,
  path: string | undefined,
  setting: string,
): HeaderValue {
  return path === undefined ? { text: text ?? '' } : { file: path, setting }
}

/** RFC 7617, with UTF-8. */
function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
