/** The secret access keys, from the settings or from files. */
import { asConnectorError, ConnectorError } from '../errors.ts'
import { openFiles } from '../named-files/file-access.ts'
import { readNamedSecret } from '../named-files/named-file.ts'
import type { Credentials } from './credential-options.ts'

const MIN_CHARACTERS = 16

/**
 * By access key id.
 * @param setting that has the credentials
 * @throws {ConnectorError} InvalidConfiguration
 */
export async function readSecrets(
  credentials: Credentials,
  setting: string,
): Promise<Map<string, string>> {
  const secrets = new Map<string, string>()
  for (const [index, { accessKeyId, secretAccessKey, secretAccessKeyFile }] of entriesOf(
    credentials,
  )) {
    const place = `${setting}[${index}]`
    if (secrets.has(accessKeyId)) {
      throw invalid(`${place}.accessKeyId: another entry has the same; give each a different one`)
    }
    if (secretAccessKeyFile === undefined) {
      secrets.set(accessKeyId, secretAccessKey ?? '')
      continue
    }
    const fileSetting = `${place}.secretAccessKeyFile`
    const secret = await readNamedSecret(secretAccessKeyFile, fileSetting)
    if (secret.length < MIN_CHARACTERS || !/^[\x21-\x7e]+$/.test(secret)) {
      throw invalid(
        `${fileSetting}: expected one line of at least ${MIN_CHARACTERS} letters, digits and signs without spaces in ${secretAccessKeyFile}. \`openssl rand -base64 30\` makes one.`,
      )
    }
    secrets.set(accessKeyId, secret)
  }
  return secrets
}

/** Why the secrets can't be used. */
export async function secretProblems(
  credentials: Credentials,
  setting: string,
): Promise<ConnectorError[]> {
  try {
    await readSecrets(credentials, setting)
    return []
  } catch (thrown) {
    return [asConnectorError(thrown, 'Unexpected', setting)]
  }
}

/** A sentence for each file that other users can read or change. */
export function openSecretFiles(
  credentials: Credentials,
  setting: string,
): Promise<readonly string[]> {
  const files = entriesOf(credentials).map(([index, { secretAccessKeyFile }]) => [
    `${setting}[${index}].secretAccessKeyFile`,
    secretAccessKeyFile,
  ])
  return openFiles(Object.fromEntries(files))
}

export function secretFiles(credentials: Credentials): string[] {
  return credentials.flatMap(({ secretAccessKeyFile }) => secretAccessKeyFile ?? [])
}

function entriesOf(credentials: Credentials) {
  return [...credentials.entries()]
}

function invalid(message: string): ConnectorError {
  return new ConnectorError('InvalidConfiguration', message)
}
