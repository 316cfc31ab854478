/**
 * Keys that had another name once. The old name keeps working, with the same meaning of a number
 * without a unit, so that configuration files of earlier versions stay valid.
 */
import type { Problem } from './config-errors.ts'
import { type ConfigTree, isMapping, pathText } from './config-tree.ts'
import type { ConfigPath } from './schema-index.ts'

interface RenamedKey {
  readonly parent: readonly string[]
  readonly oldKey: string
  readonly key: string
}

const LIMITS = ['sources', 'mqttServer', 'limits']
const MQTT_CLIENT = ['sources', 'mqttClient']

const RENAMED: readonly RenamedKey[] = [
  { parent: LIMITS, oldKey: 'connectTimeoutMs', key: 'connectTimeout' },
  { parent: LIMITS, oldKey: 'maxKeepAliveS', key: 'maxKeepAlive' },
  { parent: MQTT_CLIENT, oldKey: 'keepAliveSeconds', key: 'keepAlive' },
  { parent: MQTT_CLIENT, oldKey: 'sessionExpirySeconds', key: 'sessionExpiry' },
]

/** The old names that a mapping at `path` may still use. */
export function oldKeysAt(path: ConfigPath): string[] {
  const text = pathText(path)
  return RENAMED.filter(({ parent }) => pathText(parent) === text).map(({ oldKey }) => oldKey)
}

/**
 * Moves every value that stands under an old name to the new one; a value under both is a problem.
 */
export function applyRenamedKeys(tree: ConfigTree): Problem[] {
  return RENAMED.flatMap(({ parent, oldKey, key }) => {
    const oldPath = [...parent, oldKey]
    const container = tree.get(parent)
    if (!isMapping(container) || !Object.hasOwn(container, oldKey)) return []
    const value = tree.get(oldPath)
    const origin = tree.originOf(oldPath)
    tree.remove(oldPath)
    // A key with nothing after it is not set, under either name.
    if (value === undefined || value === null) return []
    const path = [...parent, key]
    if ((tree.get(path) ?? null) !== null) return [givenTwice(path, origin, oldKey)]
    tree.set(path, value, origin === undefined ? oldKey : `${origin}, as ${oldKey}`)
    return []
  })
}

function givenTwice(path: ConfigPath, origin: string | undefined, oldKey: string): Problem {
  const where = origin === undefined ? '' : ` (${origin})`
  const text = `${oldKey}${where} is the old name of this key; remove one of the two`
  return { path, text, showsValue: false }
}
