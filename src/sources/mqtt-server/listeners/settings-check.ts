/** What is wrong with the server's files and addresses, all of it, without listening. */
import { asConnectorError, type ConnectorError } from '../../../errors.ts'
import { readAccessData, readNamedFile } from '../access/access-files.ts'
import type { MqttServerSettings } from '../options.ts'
import { readCertificates } from './certificates.ts'
import { refuseUnprotected } from './listeners.ts'

export async function problemsOfServer(options: MqttServerSettings): Promise<ConnectorError[]> {
  const { passwordFile, aclFile, tls } = options
  const found = [
    await problemOf(() => refuseUnprotected(options)),
    await problemOf(() => readAccessData({ ...options, passwordFile, aclFile: undefined })),
    await problemOf(() => readAccessData({ ...options, passwordFile: undefined, aclFile })),
  ].flat()
  if (tls === undefined) return found
  const { cert, key, keyPassphraseFile, ca, crl } = tls
  const files = Object.entries({ cert, key, keyPassphraseFile, ca, crl })
  const unreadable = files.map(([name, path]) =>
    path === undefined ? [] : problemOf(() => readNamedFile(path, `tls.${name}`)),
  )
  const missing = (await Promise.all(unreadable)).flat()
  // Whether they fit together shows only when all of them are there.
  return [
    ...found,
    ...(missing.length > 0 ? missing : await problemOf(() => readCertificates(tls))),
  ]
}

/** The error as the only entry; empty without one. */
async function problemOf(check: () => unknown): Promise<ConnectorError[]> {
  try {
    await check()
    return []
  } catch (thrown) {
    return [asConnectorError(thrown, 'InvalidConfiguration', 'sources.mqttServer')]
  }
}
