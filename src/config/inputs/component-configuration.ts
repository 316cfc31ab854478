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
  const { connector = {}, inputs = {}, iotCoreInputs = {}, iotCoreStatus = false } = value
  if (!isMapping(connector)) {
    problems.push(
      problem(['connector'], 'expected a mapping such as a configuration file', connector),
    )
  }
  const document = membersIn(isMapping(connector) ? withScalars(connector, [], known) : {})
  const sources = membersIn(document['sources'])
  const filters = filtersIn(inputs)
  const greengrass = {
    ...membersIn(sources['greengrass']),
    iotCoreInputs: filtersIn(iotCoreInputs),
    iotCoreStatus: typeof iotCoreStatus === 'string' ? scalarOf(iotCoreStatus) : iotCoreStatus,
  }
  return {
    document: {
      ...document,
      parameters: { ...membersIn(document['parameters']), ...parameters },
      ...(Array.isArray(filters) && filters.length === 0 ? {} : { inputs: filters }),
      sources: { ...sources, greengrass },
    },
    problems,
  }
}

function membersIn(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {}
}

function filtersIn(named: unknown): unknown {
  return isMapping(named) ? Object.values(named) : named
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
