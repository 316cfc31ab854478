/**
 * Reads the configuration from all its origins. Each one overrides those before it: connector
 * definition, file, Greengrass component, environment, `--set`, and the flags for single settings.
 */
import { access } from 'node:fs/promises'
import { ConnectorError } from '../errors.ts'
import { readComponentConfiguration } from './inputs/component-configuration.ts'
import type { ConfigDocument } from './inputs/config-file.ts'
import { type ConnectorDefinition, readConnectorDefinition } from './inputs/connector-definition.ts'
import { applyEnvironment, applyOverride, type Environment } from './inputs/overrides.ts'
import { type CheckedConfig, checkConfig } from './parse-config.ts'
import type { Problem } from './schema/config-errors.ts'
import { ConfigTree, isMapping, pathText } from './schema/config-tree.ts'
import { type ConfigPath, SchemaIndex } from './schema/schema-index.ts'

/** Read if it exists and no other file was named. */
export const DEFAULT_CONFIG_FILE = 'iot-analytics-connector.yaml'

/**
 * A connector definition implies AWS as the destination, so its users need to know that AWS is
 * gone.
 */
const NO_DESTINATION =
  'Messages stay in the local store: AWS IoT Analytics, where the connector definition would have sent them, was shut down on 2025-12-15. Set destinations to send them on.'

export interface ConfigRequest {
  readonly file?: string | undefined
  /** File with the JSON of `aws greengrass create-connector-definition`. */
  readonly connectorDefinition?: string | undefined
  /** The configuration of a Greengrass component, as the nucleus has it. */
  readonly component?: { readonly name: string; readonly value: unknown } | undefined
  /** `path=value`, in the order given. */
  readonly overrides?: readonly string[] | undefined
  readonly dataDirectory?: string | undefined
  readonly logLevel?: string | undefined
  readonly environment: Environment
}

export interface LoadedConfig extends CheckedConfig {
  /** The configured values and derived defaults, with the origin of each. */
  readonly tree: ConfigTree
  /** The files that were read. */
  readonly files: readonly string[]
  /** Settings that were read and have no effect, one sentence each. */
  readonly notices: readonly string[]
}

/**
 * Throws `InvalidConfiguration` for a file that can't be read or parsed, or with all problems in
 * it.
 */
export async function loadConfig(request: ConfigRequest): Promise<LoadedConfig> {
  const tree = new ConfigTree()
  const known = new SchemaIndex()
  const notices: string[] = []
  const problems: Problem[] = []
  const files: string[] = []

  if (request.connectorDefinition !== undefined) {
    files.push(request.connectorDefinition)
    const definition = mergeDefinition(await readDocument(request.connectorDefinition), tree)
    notices.push(...definition.notices)
    problems.push(...definition.problems)
  }
  const file = request.file ?? (await defaultFile())
  if (file !== undefined) {
    files.push(file)
    await mergeFile(file, tree, known)
  }
  if (request.component !== undefined) {
    problems.push(...mergeComponent(request.component, tree, known))
  }
  await applyEnvironment(request.environment, tree, known)
  for (const override of request.overrides ?? []) await applyOverride(override, tree, known)
  if (request.dataDirectory !== undefined) {
    tree.set(['storage', 'directory'], request.dataDirectory, '--data')
  }
  if (request.logLevel !== undefined) tree.set(['log', 'level'], request.logLevel, '--log-level')

  const checked = checkConfig(tree, known, request.environment, problems)
  if (request.connectorDefinition !== undefined && checked.config.destinations.length === 0) {
    notices.push(NO_DESTINATION)
  }
  return { ...checked, tree, files, notices }
}

/** Puts the parameters of a connector definition into `tree`. Throws `InvalidConfiguration`. */
export function mergeDefinition(document: ConfigDocument, tree: ConfigTree): ConnectorDefinition {
  const definition = readConnectorDefinition(document)
  tree.merge({ parameters: definition.parameters }, (path) =>
    document.locate([...definition.path, ...path.slice(1)]),
  )
  for (const { path } of definition.problems) {
    tree.note(path, document.locate([...definition.path, ...path.slice(1)]))
  }
  return definition
}

function mergeComponent(
  { name, value }: NonNullable<ConfigRequest['component']>,
  tree: ConfigTree,
  known: SchemaIndex,
): readonly Problem[] {
  const origin = `configuration of ${name}`
  const { document, problems, placeOf } = readComponentConfiguration(value, origin, known)
  tree.merge(document, (path) => {
    const place = pathText(placeOf(path))
    return place === pathText(path) ? origin : `${place} in the ${origin}`
  })
  tree.set(['sources', 'greengrass', 'component'], name, '--greengrass')
  for (const { path } of problems) tree.note(path, origin)
  return problems
}

async function mergeFile(file: string, tree: ConfigTree, known: SchemaIndex): Promise<void> {
  const document = await readDocument(file)
  if (document.value === null) return
  if (!isMapping(document.value)) {
    throw new ConnectorError(
      'InvalidConfiguration',
      `${file}: expected a mapping with sections such as parameters and storage, got ${Array.isArray(document.value) ? 'a list' : JSON.stringify(document.value)}`,
    )
  }
  const value = sectionsFilled(document.value, [], known)
  tree.merge(value, document.locate, [], document.locateKey)
}

/** A key without a value, such as `mqttServer:`, is a section with its defaults, or not set. */
function sectionsFilled(value: unknown, path: ConfigPath, known: SchemaIndex): unknown {
  if (value === null && typeof path.at(-1) === 'string') {
    return known.isMapping(path) ? {} : undefined
  }
  if (Array.isArray(value)) {
    return value.map((entry, index) => sectionsFilled(entry, [...path, index], known))
  }
  if (!isMapping(value)) return value
  const members = Object.entries(value)
  return Object.fromEntries(
    members.map(([key, member]) => [key, sectionsFilled(member, [...path, key], known)]),
  )
}

/** The YAML parser takes a twentieth of the start, so it is loaded only if there is a file. */
async function readDocument(file: string): Promise<ConfigDocument> {
  const { readConfigDocument } = await import('./inputs/config-file.ts')
  return await readConfigDocument(file)
}

async function defaultFile(): Promise<string | undefined> {
  try {
    await access(DEFAULT_CONFIG_FILE)
    return DEFAULT_CONFIG_FILE
  } catch {
    return undefined
  }
}
