/** Reads the password file and the access rules. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { asConnectorError, ConnectorError, fileReasonOf, messageOf } from '../../../errors.ts'
import type { MqttServerSettings } from '../options.ts'
import { type AccessRule, accessRules } from './access-rule.ts'
import type { AccessData } from './authenticator.ts'
import { parsePasswordFile } from './password-file.ts'

/** Throws `InvalidConfiguration`. */
export async function readAccessData(options: MqttServerSettings): Promise<AccessData> {
  const { passwordFile, acl, aclFile } = options
  return {
    users: passwordFile === undefined ? undefined : await readUsers(passwordFile),
    rules: aclFile === undefined ? acl : await readRules(aclFile),
  }
}

/** `setting` names the option that holds the path. Throws `InvalidConfiguration`. */
export async function readNamedFile(path: string, setting: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (thrown) {
    throw new ConnectorError(
      'InvalidConfiguration',
      `sources.mqttServer.${setting}: can’t read ${resolve(path)}: ${fileReasonOf(thrown)}`,
      { cause: thrown },
    )
  }
}

async function readUsers(path: string): Promise<AccessData['users']> {
  const text = (await readNamedFile(path, 'passwordFile')).toString('utf8')
  try {
    return parsePasswordFile(text)
  } catch (thrown) {
    throw new ConnectorError(
      'InvalidConfiguration',
      `sources.mqttServer.passwordFile: ${path}, ${messageOf(thrown)}`,
      { cause: thrown },
    )
  }
}

async function readRules(path: string): Promise<readonly AccessRule[]> {
  const text = (await readNamedFile(path, 'aclFile')).toString('utf8')
  const place = `sources.mqttServer.aclFile: ${path}`
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
