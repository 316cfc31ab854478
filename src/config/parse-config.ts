/** Turns the configured values into a `ConnectorConfig`, or throws one error with all problems. */

import type { ConnectorConfig, DestinationConfig } from './connector-config.ts'
import { applyDerivedDefaults, problemsBetweenParts } from './derived-defaults.ts'
import type { Environment } from './inputs/overrides.ts'
import {
  invalidConfiguration,
  NO_OWN_WORDS,
  type Problem,
  problemsOf,
} from './schema/config-errors.ts'
import { ConfigTree, pathText } from './schema/config-tree.ts'
import { isDestinationKind, kindsIn } from './schema/destination-kinds.ts'
import { maskedSecrets } from './schema/masked-secrets.ts'
import { resolveParameters } from './schema/parameters.ts'
import { applyRenamedKeys } from './schema/renamed-keys.ts'
import { type ConfigInput, configSchema, type EffectiveOptions } from './schema/schema.ts'
import { SchemaIndex } from './schema/schema-index.ts'

export interface CheckedConfig {
  readonly config: ConnectorConfig
  /** The same with the keys of the file, including every default. */
  readonly effective: EffectiveOptions
}

/**
 * For use as a library: the content of a configuration file, as an object. Of the environment only
 * AWS's own variables are read (AWS_REGION, AWS_ENDPOINT_URL). Throws `InvalidConfiguration`.
 */
export function parseConfig(
  input: ConfigInput = {},
  environment: Environment = process.env,
): ConnectorConfig {
  const tree = new ConfigTree()
  tree.merge(input, () => 'configuration')
  return checkConfig(tree, new SchemaIndex(), environment).config
}

/** Applies derived defaults to `tree`, validates it and resolves it. */
export function checkConfig(
  tree: ConfigTree,
  known: SchemaIndex,
  environment: Environment,
  problemsBefore: readonly Problem[] = [],
): CheckedConfig {
  const renamingProblems = applyRenamedKeys(tree)
  const masked = maskedSecrets(tree)
  applyDerivedDefaults(tree, environment)
  const parsed = configSchema.safeParse(tree.value, { error: () => NO_OWN_WORDS })
  const problems = [
    ...problemsBefore,
    ...renamingProblems,
    ...masked,
    ...problemsOf(parsed.error?.issues ?? [], tree, known).filter(
      ({ path }) => !masked.some((problem) => pathText(problem.path) === pathText(path)),
    ),
    ...problemsBetweenParts(tree),
  ]
  if (!parsed.success || problems.length > 0) throw invalidConfiguration(problems, tree)
  return { effective: parsed.data, config: frozen(resolve(parsed.data)) }
}

function resolve(options: EffectiveOptions): ConnectorConfig {
  return {
    parameters: resolveParameters(options.parameters, options.storage.durability),
    connectorId: options.connectorId,
    inputs: [...new Set(options.inputs)],
    sources: {
      mqttServer: options.sources.mqttServer,
      mqttClient: options.sources.mqttClient,
      batchPutMessage: options.sources.batchPutMessage,
      greengrass: options.sources.greengrass,
    },
    storage: options.storage,
    channels: options.channels,
    deadLetters: options.deadLetters === false ? undefined : options.deadLetters,
    destinations: options.destinations.map(resolveDestination),
    analytics: options.analytics,
    http: options.http === false ? undefined : options.http,
    log: options.log,
  }
}

/** `problemsBetweenParts` has checked that it has one kind, and a name that was given or derived. */
function resolveDestination(
  entry: EffectiveOptions['destinations'][number],
  index: number,
): DestinationConfig {
  const [kind = 'iotAnalytics'] = kindsIn(entry)
  const { name = kind, batch = {}, ...rest } = entry
  const delivery = Object.entries(rest).filter(([key]) => !isDestinationKind(key))
  const resolved = {
    kind,
    name,
    place: pathText(['destinations', index, kind]),
    options: entry[kind],
    batch,
    delivery: Object.fromEntries(delivery),
  }
  return resolved as DestinationConfig
}

function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && !Array.isArray(value)) return value
  for (const member of Object.values(value)) frozen(member)
  return Object.freeze(value)
}
