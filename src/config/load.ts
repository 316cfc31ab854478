/**
 * Brings the configuration together from all its places. Each lays its values over those before:
 * connector definition, file, environment, `--set`, the flags of their own.
 */
import { access } from 'node:fs/promises'
import { ConnectorError } from '../errors.ts'
import type { ConfigDocument } from './inputs/config-file.ts'
import { readConnectorDefinition } from './inputs/connector-definition.ts'
import { applyEnvironment, applyOverride, type Environment } from './inputs/overrides.ts'
import { type CheckedConfig, checkConfig } from './parse-config.ts'
import { ConfigTree, isMapping } from './schema/config-tree.ts'
import { KnownKeys } from './schema/schema-index.ts'

/** Read when it is there and no other file was named. */
export const DEFAULT_CONFIG_FILE = 'iot-analytics-connector.yaml'

/** A definition means "to AWS" without saying so; whoever comes with one should hear why it doesn't. */
const NO_DESTINATION =
  'Messages stay in the local store: AWS IoT Analytics, where the connector definition would have sent them, was shut down on 2025-12-15. Set destinations to send them on.'

export interface ConfigRequest {
  readonly file?: string | undefined
  /** File with the JSON of `aws greengrass create-connector-definition`. */
  readonly connectorDefinition?: string | undefined
  /** `path=value`, in the order given. */
  readonly overrides?: readonly string[] | undefined
  readonly dataDirectory?: string | undefined
  readonly logLevel?: string | undefined
  readonly environment: Environment
}

export interface LoadedConfig extends CheckedConfig {
  /** What was configured and filled in, with the place each value came from. */
  readonly tree: ConfigTree
  /** The files that were read. */
  readonly files: readonly string[]
  /** What was read and has no effect, a sentence each. */
  readonly notices: readonly string[]
}

/** Throws `InvalidConfiguration`: an unreadable file, a fault in its form, or everything wrong in it. */
export async function loadConfig(request: ConfigRequest): Promise<LoadedConfig> {
  const tree = new ConfigTree()
  const known = new KnownKeys()
  const notices: string[] = []
  const files: string[] = []

  if (request.connectorDefinition !== undefined) {
    files.push(request.connectorDefinition)
    notices.push(...(await mergeDefinition(request.connectorDefinition, tree)))
  }
  const file = request.file ?? (await defaultFile())
  if (file !== undefined) {
    files.push(file)
    await mergeFile(file, tree)
  }
  await applyEnvironment(request.environment, tree, known)
  for (const override of request.overrides ?? []) await applyOverride(override, tree, known)
  if (request.dataDirectory !== undefined) {
    tree.set(['storage', 'directory'], request.dataDirectory, '--data')
  }
  if (request.logLevel !== undefined) tree.set(['log', 'level'], request.logLevel, '--log-level')

  const checked = checkConfig(tree, known, request.environment)
  if (request.connectorDefinition !== undefined && checked.config.destinations.length === 0) {
    notices.push(NO_DESTINATION)
  }
  return { ...checked, tree, files, notices }
}

async function mergeDefinition(file: string, tree: ConfigTree): Promise<readonly string[]> {
  const document = await readDocument(file)
  const definition = readConnectorDefinition(document)
  tree.merge({ parameters: definition.parameters }, (path) =>
    document.locate([...definition.path, ...path.slice(1)]),
  )
  return definition.notices
}

async function mergeFile(file: string, tree: ConfigTree): Promise<void> {
  const document = await readDocument(file)
  if (document.value === null) return
  if (!isMapping(document.value)) {
    throw new ConnectorError(
      'InvalidConfiguration',
      `${file}: expected a mapping with sections such as parameters and storage, got ${Array.isArray(document.value) ? 'a list' : JSON.stringify(document.value)}`,
    )
  }
  tree.merge(document.value, (path) => document.locate(path))
}

/** The YAML parser is a twentieth of the start: it is loaded only where there is something to parse. */
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
