/**
 * Defaults that follow from other settings or from AWS's own environment variables, and the checks
 * between several parts.
 *
 * Values are not validated yet at this point, so they may have any type.
 */

import type { Environment } from './inputs/overrides.ts'
import type { Problem } from './schema/config-errors.ts'
import { type ConfigTree, isMapping } from './schema/config-tree.ts'
import { isRegion } from './schema/parameters.ts'

/** The origin of a value that was not set. */
export const BY_DEFAULT = 'default'

/**
 * The Region to sign for if no Region is set and the endpoint is not AWS. Other services rarely
 * check it.
 */
const ANY_REGION = 'us-east-1'
const AWS_HOST = /\.amazonaws\.com(\.cn)?$/

export function applyDerivedDefaults(tree: ConfigTree, environment: Environment): void {
  nullToUnset(tree)
  for (const [name, rule] of Object.entries(mapping(tree.get(['channels'])))) {
    if (rule === undefined) tree.remove(['channels', name])
  }
  const { mqttServer, mqttClient } = mapping(tree.get(['sources']))
  if (mqttServer === undefined && mqttClient === undefined) {
    tree.set(['sources', 'mqttServer'], {}, BY_DEFAULT)
  }
  for (const index of destinationsOf(tree).keys()) fillInDestination(tree, index, environment)
}

/** A key with the value null counts as not set. */
function nullToUnset(tree: ConfigTree): void {
  const visit = (path: readonly (string | number)[], value: unknown): void => {
    if (value === null && typeof path.at(-1) === 'string') {
      tree.set(path, undefined, tree.originOf(path) ?? BY_DEFAULT)
    }
    if (typeof value !== 'object' || value === null) return
    for (const [key, member] of Object.entries(value)) {
      visit([...path, Array.isArray(value) ? Number(key) : key], member)
    }
  }
  visit([], tree.value)
}

function fillInDestination(tree: ConfigTree, index: number, environment: Environment): void {
  const path = ['destinations', index] as const
  const entry = mapping(tree.get(path))
  if (!isMapping(entry['iotAnalytics'])) return
  if (entry['name'] === undefined) tree.set([...path, 'name'], 'iotAnalytics', BY_DEFAULT)
  const { endpoint, region } = entry['iotAnalytics']
  const usedEndpoint = endpoint ?? fillInEndpoint(tree, index, environment)
  if (region === undefined) fillInRegion(tree, index, usedEndpoint, environment)
}

/** The same variables, in the same order, as AWS's SDKs. */
function fillInEndpoint(tree: ConfigTree, index: number, environment: Environment): unknown {
  const name = ['AWS_ENDPOINT_URL_IOTANALYTICS', 'AWS_ENDPOINT_URL'].find((key) => environment[key])
  if (name === undefined) return undefined
  tree.set(['destinations', index, 'iotAnalytics', 'endpoint'], environment[name], name)
  return environment[name]
}

function fillInRegion(
  tree: ConfigTree,
  index: number,
  endpoint: unknown,
  environment: Environment,
): void {
  const path = ['destinations', index, 'iotAnalytics', 'region'] as const
  const published = publishRegionOf(tree)
  const name = ['AWS_REGION', 'AWS_DEFAULT_REGION'].find((key) => environment[key])
  if (published !== undefined) {
    // An invalid one is reported at its own path only.
    if (isRegion(published)) tree.set(path, published, 'PublishRegion')
  } else if (name !== undefined) tree.set(path, environment[name], name)
  else if (endpoint !== undefined && !isAwsEndpoint(endpoint))
    tree.set(path, ANY_REGION, BY_DEFAULT)
}

/** Whether a destination's endpoint, or the lack of one, means AWS itself. */
export function isAwsEndpoint(endpoint: unknown): boolean {
  if (endpoint === undefined) return true
  return (
    typeof endpoint === 'string' &&
    URL.canParse(endpoint) &&
    AWS_HOST.test(new URL(endpoint).hostname)
  )
}

/** Problems that no part can find by itself. */
export function problemsBetweenParts(tree: ConfigTree): Problem[] {
  return [...problemsOfInputs(tree), ...problemsOfDestinations(tree)]
}

function problemsOfInputs(tree: ConfigTree): Problem[] {
  const inputs = tree.get(['inputs'])
  const channel = tree.get(['parameters', 'IotAnalyticsDefaultChannelName'])
  if (!Array.isArray(inputs) || inputs.length === 0) return []
  if (channel !== undefined && channel !== '') return []
  const text = 'these topics need a channel; set parameters.IotAnalyticsDefaultChannelName'
  return [{ path: ['inputs'], text, showsValue: false }]
}

function problemsOfDestinations(tree: ConfigTree): Problem[] {
  const names = new Set<unknown>()
  const problems: Problem[] = []
  for (const [index, given] of destinationsOf(tree).entries()) {
    const { name, iotAnalytics } = mapping(given)
    if (name !== undefined && names.has(name)) {
      const text = `another destination has the name ${String(name)}; give each a different name`
      problems.push({ path: ['destinations', index, 'name'], text, showsValue: false })
    }
    names.add(name)
    const hasRegion = isMapping(iotAnalytics) && iotAnalytics['region'] !== undefined
    if (isMapping(iotAnalytics) && !hasRegion && publishRegionOf(tree) === undefined) {
      const text =
        'expected a Region such as us-west-2, here, in parameters.PublishRegion or in AWS_REGION'
      const path = ['destinations', index, 'iotAnalytics', 'region']
      problems.push({ path, text, showsValue: true })
    }
  }
  return problems
}

function publishRegionOf(tree: ConfigTree): string | undefined {
  const region = tree.get(['parameters', 'PublishRegion'])
  return typeof region === 'string' && region !== '' ? region : undefined
}

function destinationsOf(tree: ConfigTree): readonly unknown[] {
  const destinations = tree.get(['destinations'])
  return Array.isArray(destinations) ? destinations : []
}

function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {}
}
