/** Single settings from outside the file: `--set path=value` and environment variables. */
import { ConnectorError, messageOf } from '../../errors.ts'
import { type ConfigTree, pathText } from '../schema/config-tree.ts'
import { oldKeysAt } from '../schema/renamed-keys.ts'
import {
  type ConfigPath,
  nearestName,
  plainName,
  type SchemaIndex,
} from '../schema/schema-index.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Two underscores: with one, the variables that Kubernetes sets for a service with the name
 * `iot-analytics-connector` would count as settings.
 */
export const ENVIRONMENT_PREFIX = 'IOT_ANALYTICS_CONNECTOR__'

const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/

/** Applies `path=value` of `--set`; lists by index: `destinations[0].iotAnalytics.timeout=2000`. */
export async function applyOverride(
  override: string,
  tree: ConfigTree,
  known: SchemaIndex,
): Promise<void> {
  const equals = override.indexOf('=')
  if (equals < 1) {
    throw invalid(
      `--set ${override}: expected path=value, such as storage.directory=/var/lib/connector`,
    )
  }
  const path = parsePath(override.slice(0, equals))
  await put(path, override.slice(equals + 1), '--set', tree, known)
}

/** Applies every variable whose name begins with the prefix. An unknown name is an error. */
export async function applyEnvironment(
  environment: Environment,
  tree: ConfigTree,
  known: SchemaIndex,
): Promise<void> {
  for (const [name, text] of Object.entries(environment).sort()) {
    if (text === undefined || !name.startsWith(ENVIRONMENT_PREFIX)) continue
    const path = pathOfVariable(name, known)
    if (path === undefined) throw unknownVariable(name, known)
    await put(path, text, name, tree, known)
  }
}

/**
 * The variable that sets `path`: `storage.maxBytes` →
 * `IOT_ANALYTICS_CONNECTOR__STORAGE__MAX_BYTES`.
 */
export function variableOf(path: ConfigPath): string {
  const segments = path.map((key) =>
    String(key)
      .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
      .toUpperCase(),
  )
  return ENVIRONMENT_PREFIX + segments.join('__')
}

async function put(
  path: ConfigPath,
  text: string,
  origin: string,
  tree: ConfigTree,
  known: SchemaIndex,
): Promise<void> {
  const parent = tree.get(path.slice(0, -1))
  const last = path.at(-1)
  const length = Array.isArray(parent) ? parent.length : 0
  if (typeof last === 'number' && last > length) {
    throw invalid(`${origin}: ${pathText(path)} would leave a gap; the next entry is [${length}]`)
  }
  if (text === 'null') return unset(path, origin, tree, known)
  const value = known.isText(path) ? text : await parseValue(text, origin)
  tree.set(path, value, origin)
}

/** An unknown key is set all the same, so that it is reported like any other. */
function unset(path: ConfigPath, origin: string, tree: ConfigTree, known: SchemaIndex): void {
  const isKnown = known.at(path) !== undefined || oldKeysAt(path.slice(0, -1)).includes(keyIn(path))
  if (!isKnown) tree.set(path, null, origin)
  else if (tree.get(path) !== undefined) tree.set(path, undefined, origin)
}

function keyIn(path: ConfigPath): string {
  return String(path.at(-1))
}

function parsePath(text: string): ConfigPath {
  return text
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.')
    .map(keyOf)
}

function keyOf(segment: string): string | number {
  return /^[0-9]{1,6}$/.test(segment) ? Number(segment) : segment
}

/**
 * A number, true, false, null, quoted text, or a list or mapping in YAML's brackets; otherwise
 * plain text.
 */
async function parseValue(text: string, origin: string): Promise<unknown> {
  if (text === 'null') return null
  if (!/^["'[{]/.test(text)) return scalarOf(text)
  const { default: yaml } = await import('yaml')
  try {
    return yaml.parse(text)
  } catch (thrown) {
    throw invalid(`${origin}: ${text} can’t be read: ${messageOf(thrown).split('\n')[0]}`)
  }
}

/** The number, true or false that the text means; otherwise the text. */
export function scalarOf(text: string): number | boolean | string {
  if (NUMBER.test(text)) return Number(text)
  if (text === 'true') return true
  return text === 'false' ? false : text
}

function pathOfVariable(name: string, known: SchemaIndex): ConfigPath | undefined {
  const path: (string | number)[] = []
  for (const segment of name.slice(ENVIRONMENT_PREFIX.length).split('__')) {
    const key = keyOf(segment)
    const found =
      typeof key === 'number'
        ? key
        : keysAt(path, known).find((candidate) => plainName(candidate) === plainName(segment))
    if (found === undefined) return undefined
    path.push(found)
  }
  const isRenamed = oldKeysAt(path.slice(0, -1)).includes(String(path.at(-1)))
  return known.at(path) === undefined && !isRenamed ? undefined : path
}

function keysAt(path: ConfigPath, known: SchemaIndex): string[] {
  return [...known.keysAt(path), ...oldKeysAt(path)]
}

function unknownVariable(name: string, known: SchemaIndex): ConnectorError {
  const near = nearestName(name, known.paths().map(variableOf))
  const hint =
    near === undefined ? 'docs/configuration.md lists all settings' : `did you mean ${near}?`
  return invalid(`${name}: unknown variable; ${hint}`)
}

function invalid(message: string): ConnectorError {
  return new ConnectorError('InvalidConfiguration', message)
}
