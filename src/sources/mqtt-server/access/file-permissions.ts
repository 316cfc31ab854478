/** Whether other users of the machine can use the files with users, rules and keys. */
import { openFiles, openTlsFiles } from '../../../named-files/file-access.ts'
import type { MqttServerSettings } from '../options.ts'

const PLACE = 'sources.mqttServer'

/** A sentence for each file that is open to others, with the command that closes it. */
export async function openFilesOf(options: MqttServerSettings): Promise<readonly string[]> {
  const { passwordFile, aclFile, tls } = options
  return [
    ...(await openFiles(
      { [`${PLACE}.passwordFile`]: passwordFile },
      { [`${PLACE}.aclFile`]: aclFile },
    )),
    ...(await openTlsFiles(tls, `${PLACE}.tls`)),
  ]
}
