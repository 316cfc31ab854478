/** The secret access keys, from the settings or from files. */
import { asConnectorError, ConnectorError } from '../../errors.ts'
import { openFiles } from '../../named-files/file-access.ts'
import { readNamedSecret } from '../../named-files/named-file.ts'
import type { BatchPutMessageOptions } from './options.ts'

type Credentials = BatchPutMessageOptions['credentials']

const MIN_CHARACTERS = 16

/**
 * By access key id.
 * @throws {ConnectorError} InvalidConfiguration
 */
export async function readSecrets(credentials: Credentials): Promise<Map<string, string>> {
  const secrets = new Map<string, string>()
  for (const [index, { accessKeyId, secretAccessKey, secretAccessKeyFile }] of entriesOf(
    credentials,
  )) {
    const place = placeOf(index)
    if (secrets.has(accessKeyId)) {
      throw invalid(`${place}.accessKeyId: another entry has the same; give each a different one`)
    }
    if (secretAccessKeyFile === undefined) {
      secrets.set(accessKeyId, secretAccessKey ?? '')
      continue
    }
    const setting = `${place}.secretAccessKeyFile`
    const secret = await readNamedSecret(secretAccessKeyFile, setting)
    if (secret.length < MIN_CHARACTERS || !/^[\x21-\x7e]+$/.test(secret)) {
      throw invalid(
        `${setting}: expected one line of at least ${MIN_CHARACTERS} letters, digits and signs without spaces in ${secretAccessKeyFile}. \`openssl rand -base64 30\` makes one.`,
      )
    }
    secrets.set(accessKeyId, secret)
  }
  return secrets
}

/** Why the secrets can't be used. */
export async function secretProblems(credentials: Credentials): Promise<ConnectorError[]> {
  try {
    await readSecrets(credentials)
    return []
  } catch (thrown) {
    return [asConnectorError(thrown, 'Unexpected', 'sources.batchPutMessage.credentials')]
  }
}

/** A sentence for each file that other users can read or change. */
export function openSecretFiles(credentials: Credentials): Promise<readonly string[]> {
  const files = entriesOf(credentials).map(([index, { secretAccessKeyFile }]) => [
    `${placeOf(index)}.secretAccessKeyFile`,
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

function placeOf(index: number): string {
  return `sources.batchPutMessage.credentials[${index}]`
}

function invalid(message: string): ConnectorError {
  return new ConnectorError('InvalidConfiguration', message)
}
