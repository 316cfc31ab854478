/** Reads the password file and the access rules. */
import { asConnectorError, ConnectorError, messageOf } from '../../../errors.ts'
import { readNamedFile } from '../../../named-files/named-file.ts'
import type { MqttServerSettings } from '../options.ts'
import { type AccessRule, accessRules } from './access-rule.ts'
import type { AccessData } from './authenticator.ts'
import { parsePasswordFile } from './password-file.ts'

const PLACE = 'sources.mqttServer'

/** Throws `InvalidConfiguration`. */
export async function readAccessData(options: MqttServerSettings): Promise<AccessData> {
  const { passwordFile, acl, aclFile } = options
  return {
    users: passwordFile === undefined ? undefined : await readUsers(passwordFile),
    rules: aclFile === undefined ? acl : await readRules(aclFile),
  }
}

async function readUsers(path: string): Promise<AccessData['users']> {
  const text = (await readNamedFile(path, `${PLACE}.passwordFile`)).toString('utf8')
  try {
    return parsePasswordFile(text)
  } catch (thrown) {
    throw new ConnectorError(
      'InvalidConfiguration',
      `${PLACE}.passwordFile: ${path}, ${messageOf(thrown)}`,
      { cause: thrown },
    )
  }
}

async function readRules(path: string): Promise<readonly AccessRule[]> {
  const text = (await readNamedFile(path, `${PLACE}.aclFile`)).toString('utf8')
  const place = `${PLACE}.aclFile: ${path}`
  const { default: yaml } = await import('yaml')
  let document: unknown
  try {
    document = yaml.parse(text)
  } catch (thrown) {
    throw asConnectorError(thrown, 'InvalidConfiguration', place)
  }
  const parsed = accessRules.safeParse(document ?? [])
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue?.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
  throw new ConnectorError(
    'InvalidConfiguration',
    `${place}: ${where?.join('') ?? ''}: ${issue?.message ?? 'expected a list of rules'}`,
  )
}
