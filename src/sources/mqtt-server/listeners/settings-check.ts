/** What is wrong with the server's files and addresses, all of it, without listening. */
import { asConnectorError, type ConnectorError } from '../../../errors.ts'
import { readAccessData } from '../access/access-files.ts'
import type { MqttServerSettings } from '../options.ts'
import { certificateProblems } from './certificates.ts'
import { refuseUnprotected } from './listeners.ts'

export async function problemsOfServer(options: MqttServerSettings): Promise<ConnectorError[]> {
  const { passwordFile, aclFile, tls } = options
  const found = [
    await problemOf(() => refuseUnprotected(options)),
    await problemOf(() => readAccessData({ ...options, passwordFile, aclFile: undefined })),
    await problemOf(() => readAccessData({ ...options, passwordFile: undefined, aclFile })),
  ].flat()
  if (tls === undefined) return found
  return [...found, ...(await certificateProblems(tls))]
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
