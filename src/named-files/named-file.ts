/** Reads files that settings name, with errors that name the setting. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ConnectorError, fileReasonOf } from '../errors.ts'

/**
 * `setting` is the option that holds the path, such as `http.tls.cert`.
 * @throws {ConnectorError} InvalidConfiguration
 */
export async function readNamedFile(path: string, setting: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (thrown) {
    throw new ConnectorError(
      'InvalidConfiguration',
      `${setting}: can’t read ${resolve(path)}: ${fileReasonOf(thrown)}`,
      { cause: thrown },
    )
  }
}

/**
 * The text of the file, without a line end after it.
 * @throws {ConnectorError} InvalidConfiguration
 */
export async function readNamedSecret(path: string, setting: string): Promise<string> {
  return (await readNamedFile(path, setting)).toString('utf8').replace(/\r?\n$/, '')
}
