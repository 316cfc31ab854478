/**
 * What follows from other settings or from AWS's own environment variables, put in place before the
 * whole is checked; and the checks that concern several parts at once.
 *
 * Values have not been checked here yet, so every look at one allows for anything.
 */

import type { Environment } from './inputs/overrides.ts'
import type { Problem } from './schema/config-errors.ts'
import { type ConfigTree, isMapping } from './schema/config-tree.ts'
import { isRegion } from './schema/parameters.ts'
import type { KnownKeys } from './schema/schema-index.ts'

/** Said of a value nobody gave. */
export const BY_DEFAULT = 'default'

/** What a service of one's own is signed for when nobody named a Region; it hardly ever looks. */
const ANY_REGION = 'us-east-1'
const AWS_HOST = /\.amazonaws\.com(\.cn)?$/

export function fillIn(tree: ConfigTree, known: KnownKeys, environment: Environment): void {
  emptyToUnset(tree, known)
  const { mqttServer, mqttClient } = mapping(tree.get(['sources']))
  if (mqttServer === undefined && mqttClient === undefined) {
    tree.set(['sources', 'mqttServer'], {}, BY_DEFAULT)
  }
  for (const index of destinationsOf(tree).keys()) fillInDestination(tree, index, environment)
}

/** A key with nothing after it is the same as no key; for a part such as `mqttServer:`, its defaults. */
function emptyToUnset(tree: ConfigTree, known: KnownKeys): void {
  const visit = (path: readonly (string | number)[], value: unknown): void => {
    const origin = tree.originOf(path) ?? BY_DEFAULT
    if (value === null && typeof path.at(-1) === 'string') {
      tree.set(path, known.isMapping(path) ? {} : undefined, origin)
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
    // A wrong one is told of where it stands, once.
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

/** What no part can see alone. */
export function problemsAcrossParts(tree: ConfigTree): Problem[] {
  return [...problemsOfInputs(tree), ...problemsOfDestinations(tree)]
}

function problemsOfInputs(tree: ConfigTree): Problem[] {
  const inputs = tree.get(['inputs'])
  const channel = tree.get(['parameters', 'IotAnalyticsDefaultChannelName'])
  if (!Array.isArray(inputs) || inputs.length === 0) return []
  if (channel !== undefined && channel !== '') return []
  const text = 'these topics need a channel to go to; set parameters.IotAnalyticsDefaultChannelName'
  return [{ path: ['inputs'], text, showsValue: false }]
}

function problemsOfDestinations(tree: ConfigTree): Problem[] {
  const names = new Set<unknown>()
  const problems: Problem[] = []
  for (const [index, given] of destinationsOf(tree).entries()) {
    const { name, iotAnalytics } = mapping(given)
    if (name !== undefined && names.has(name)) {
      const text = `another destination is called ${String(name)}; give each a name of its own`
      problems.push({ path: ['destinations', index, 'name'], text, showsValue: false })
    }
    names.add(name)
    const hasRegion = isMapping(iotAnalytics) && iotAnalytics['region'] !== undefined
    if (isMapping(iotAnalytics) && !hasRegion && publishRegionOf(tree) === undefined) {
      const text = 'expected a Region here, as parameters.PublishRegion or in AWS_REGION'
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
