/**
 * The configuration of a Greengrass component, which deployments merge:
 *
 *     {"PublishInterval":"1",…,"inputs":{"name":"factory/#"},"connector":{…},"accessControl":{…}}
 *
 * Its parameters are keys of their own, as in a Greengrass v1 group. `inputs` and `iotCoreInputs` are
 * objects, because a merge cannot append to a list. `connector` is a configuration file of our own.
 */
import { ConnectorError } from '../../errors.ts'
import { type Problem, shownValue } from '../schema/config-errors.ts'
import { isMapping } from '../schema/config-tree.ts'
import { parameterOptions } from '../schema/parameters.ts'
import { type ConfigPath, nearestName, type SchemaIndex } from '../schema/schema-index.ts'
import { scalarOf } from './overrides.ts'

export interface ComponentConfiguration {
  /** In the form of a configuration file. */
  readonly document: Readonly<Record<string, unknown>>
  readonly problems: readonly Problem[]
  /** Where the component has what is at this path of the document. */
  placeOf(path: ConfigPath): ConfigPath
}

const PARAMETERS = Object.keys(parameterOptions.shape)
/** For the nucleus and the recipe's script. */
const OF_OTHERS = ['accessControl', 'nodePath']
const OWN = ['inputs', 'iotCoreInputs', 'iotCoreStatus', 'connector']

/**
 * @param value what GetConfiguration gives for the whole component
 * @param origin for errors: `configuration of com.example.IoTAnalyticsConnector`
 * @throws {ConnectorError} InvalidConfiguration if it is no mapping
 */
export function readComponentConfiguration(
  value: unknown,
  origin: string,
  known: SchemaIndex,
): ComponentConfiguration {
  if (!isMapping(value)) {
    const text = `${origin}: expected a mapping, got ${shownValue(undefined, value)}`
    throw new ConnectorError('InvalidConfiguration', text)
  }
  const parameters: Record<string, unknown> = {}
  const problems: Problem[] = []
  for (const [key, member] of Object.entries(value)) {
    if (PARAMETERS.includes(key)) parameters[key] = member
    else if (![...OWN, ...OF_OTHERS].includes(key)) problems.push(unknownKey(key))
  }
  const { connector = {}, iotCoreStatus = false } = value
  if (!isMapping(connector)) {
    problems.push(
      problem(['connector'], 'expected a mapping such as a configuration file', connector),
    )
  }
  const document = membersIn(isMapping(connector) ? withScalars(connector, [], known) : {})
  const sources = membersIn(document['sources'])
  const greengrass = {
    ...membersIn(sources['greengrass']),
    ...filtersIn(value, 'iotCoreInputs'),
    iotCoreStatus: typeof iotCoreStatus === 'string' ? scalarOf(iotCoreStatus) : iotCoreStatus,
  }
  return {
    document: {
      ...document,
      parameters: { ...membersIn(document['parameters']), ...parameters },
      ...filtersIn(value, 'inputs'),
      sources: { ...sources, greengrass },
    },
    problems,
    placeOf: (path) => placeIn(value, path),
  }
}

function membersIn(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {}
}

/** As a list; nothing if there are none, so that those in `connector` count. */
function filtersIn(value: Readonly<Record<string, unknown>>, key: 'inputs' | 'iotCoreInputs') {
  const named = value[key] ?? {}
  const filters = isMapping(named) ? Object.values(named) : named
  return Array.isArray(filters) && filters.length === 0 ? {} : { [key]: filters }
}

/** Where `document` has this from: a key of the component's own, or `connector`. */
function placeIn(value: Readonly<Record<string, unknown>>, path: ConfigPath): ConfigPath {
  const [key, index] = ownPath(path)
  const own = key === undefined ? undefined : value[key]
  const member = isMapping(own) && typeof index === 'number' ? Object.keys(own)[index] : index
  if (own === undefined || (isMapping(own) && member === undefined && index !== undefined)) {
    return ['connector', ...path]
  }
  return [key, member].filter((step) => step !== undefined)
}

/** Empty for what only `connector` can have. */
function ownPath(path: ConfigPath): ConfigPath {
  const [first, second, third] = path
  if (first === 'inputs') return path
  if (first === 'parameters') return path.slice(1)
  const isOwn = third === 'iotCoreInputs' || third === 'iotCoreStatus'
  return first === 'sources' && second === 'greengrass' && isOwn ? path.slice(2) : []
}

/** Nucleus lite has every value as text: `"8080"` means 8080 where text is not allowed. */
function withScalars(value: unknown, path: ConfigPath, known: SchemaIndex): unknown {
  if (typeof value === 'string') return known.isText(path) ? value : scalarOf(value)
  if (Array.isArray(value)) {
    return value.map((entry, index) => withScalars(entry, [...path, index], known))
  }
  if (!isMapping(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, withScalars(member, [...path, key], known)]),
  )
}

function unknownKey(key: string): Problem {
  const near = nearestName(key, [...PARAMETERS, ...OWN])
  const hint =
    near === undefined
      ? `known here: ${[...OWN, ...PARAMETERS].join(', ')}`
      : `did you mean ${near}?`
  return problem([key], `unknown key; ${hint}`)
}

function problem(path: ConfigPath, text: string, ...given: readonly unknown[]): Problem {
  const shown = given.length === 0 ? '' : `, got ${shownValue(path.at(-1), given[0])}`
  return { path, text: `${text}${shown}`, showsValue: false }
}
