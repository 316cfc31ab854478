/**
 * Defaults that follow from other settings or from AWS's own environment variables, and the checks
 * between several parts.
 *
 * Values are not validated yet at this point, so they may have any type.
 */

import type { Environment } from './inputs/overrides.ts'
import type { Problem } from './schema/config-errors.ts'
import { type ConfigTree, isMapping } from './schema/config-tree.ts'
import { DESTINATION_KINDS, kindsIn } from './schema/destination-kinds.ts'
import { isRegion } from './schema/parameters.ts'
import { destinationOptions } from './schema/schema.ts'
import type { ConfigPath } from './schema/schema-index.ts'

/** The origin of a value that was not set. */
export const BY_DEFAULT = 'default'

/**
 * The Region to sign for if no Region is set and the endpoint is not AWS. Other services rarely
 * check it.
 */
const ANY_REGION = 'us-east-1'
/** By kind of destination: the service's name in the variables AWS_ENDPOINT_URL_…. */
const AWS_SERVICES: Readonly<Partial<Record<string, string>>> = {
  iotAnalytics: 'IOTANALYTICS',
  s3: 'S3',
  kinesis: 'KINESIS',
  firehose: 'FIREHOSE',
}
/** Where Parquet files are uploaded to. */
const UPLOAD = ['analytics', 'tables', 'upload'] as const
const UPLOAD_SERVICE = 'S3'
/** Settings that have a default at all times are not among them. */
const FOR_WHAT_THE_API_DEFINES: readonly ConfigPath[] = [
  ['analytics', 'pipelines', 'functions'],
  ['analytics', 'pipelines', 'registry'],
  ['analytics', 'pipelines', 'shadows'],
  ['analytics', 'datasets', 'buckets'],
  ['analytics', 'datasets', 'inputs'],
  ['analytics', 'datasets', 'containers'],
  ['analytics', 'datasets', 'notificationTopic'],
]
const PREDEFINED_TOPICS = /^iotanalytics\/channels\/[^/#]+\/messages\/(binary\/)?put$/
const AWS_HOST = /\.amazonaws\.com(\.cn)?$/

export function applyDerivedDefaults(tree: ConfigTree, environment: Environment): void {
  nullToUnset(tree)
  for (const [name, rule] of Object.entries(mapping(tree.get(['channels'])))) {
    if (rule === undefined) tree.remove(['channels', name])
  }
  const sources = Object.values(mapping(tree.get(['sources'])))
  if (sources.every((source) => source === undefined)) {
    tree.set(['sources', 'mqttServer'], {}, BY_DEFAULT)
  }
  for (const index of destinationsOf(tree).keys()) fillInDestination(tree, index, environment)
  fillInAwsPlace(tree, UPLOAD, UPLOAD_SERVICE, environment)
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
  const [kind] = kindsIn(entry)
  if (kind === undefined) return
  if (entry['name'] === undefined) tree.set([...path, 'name'], kind, BY_DEFAULT)
  const service = AWS_SERVICES[kind]
  if (service !== undefined) fillInAwsPlace(tree, [...path, kind], service, environment)
}

function fillInAwsPlace(
  tree: ConfigTree,
  place: ConfigPath,
  service: string,
  environment: Environment,
): void {
  const options = tree.get(place)
  if (!isMapping(options)) return
  const { endpoint, region } = options
  const usedEndpoint = endpoint ?? fillInEndpoint(tree, place, service, environment)
  if (region === undefined) fillInRegion(tree, place, usedEndpoint, environment)
}

/** The same variables, in the same order, as AWS's SDKs. */
function fillInEndpoint(
  tree: ConfigTree,
  place: ConfigPath,
  service: string,
  environment: Environment,
): unknown {
  const names = [`AWS_ENDPOINT_URL_${service}`, 'AWS_ENDPOINT_URL']
  const name = names.find((key) => environment[key])
  if (name === undefined) return undefined
  tree.set([...place, 'endpoint'], environment[name], name)
  return environment[name]
}

function fillInRegion(
  tree: ConfigTree,
  place: ConfigPath,
  endpoint: unknown,
  environment: Environment,
): void {
  const path = [...place, 'region']
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
  return [
    ...problemsOfInputs(tree),
    ...problemsOfSources(tree),
    ...problemsOfApi(tree),
    ...problemsOfDestinations(tree),
    ...problemsOfTables(tree),
    ...problemsOfUpload(tree),
  ]
}

function problemsOfInputs(tree: ConfigTree): Problem[] {
  const channel = tree.get(['parameters', 'IotAnalyticsDefaultChannelName'])
  if (channel !== undefined && channel !== '') return []
  const text = 'these topics need a channel; set parameters.IotAnalyticsDefaultChannelName'
  return [['inputs'], ['sources', 'greengrass', 'iotCoreInputs']]
    .filter((path) => hasTopicsOfUsers(tree.get(path)))
    .map((path) => ({ path, text, showsValue: false }))
}

/** The predefined topics name their channel. */
function hasTopicsOfUsers(filters: unknown): boolean {
  return Array.isArray(filters) && filters.some((filter) => !PREDEFINED_TOPICS.test(String(filter)))
}

function problemsOfSources(tree: ConfigTree): Problem[] {
  const path = ['sources', 'batchPutMessage']
  if (tree.get(path) === undefined || tree.get(['http']) !== false) return []
  return [{ path, text: 'needs the HTTP server, but http is false', showsValue: false }]
}

function problemsOfTables(tree: ConfigTree): Problem[] {
  const path = ['analytics', 'tables']
  if (tree.get(path) === undefined || tree.get(['storage', 'durability']) !== 'memory') return []
  const text = 'needs messages on disk, but storage.durability is memory'
  return [{ path, text, showsValue: false }]
}

function problemsOfUpload(tree: ConfigTree): Problem[] {
  return isMapping(tree.get(UPLOAD)) ? problemsOfRegion(tree, UPLOAD) : []
}

function problemsOfApi(tree: ConfigTree): Problem[] {
  const path = ['analytics', 'api']
  if (tree.get(path) === undefined) {
    const text = 'applies to what the API defines; set analytics.api as well, at least {}'
    return FOR_WHAT_THE_API_DEFINES.filter((one) => isSet(tree.get(one))).map((one) => {
      return { path: one, text, showsValue: false }
    })
  }
  const needs: string[] = []
  if (tree.get(['http']) === false) needs.push('needs the HTTP server, but http is false')
  if (tree.get(['storage', 'durability']) === 'memory') {
    needs.push('keeps what it defines on disk, but storage.durability is memory')
  }
  return needs.map((text) => ({ path, text, showsValue: false }))
}

/** With every default written down, maps are there and empty. */
function isSet(value: unknown): boolean {
  return isMapping(value) ? Object.keys(value).length > 0 : value !== undefined
}

function problemsOfDestinations(tree: ConfigTree): Problem[] {
  const names = new Set<unknown>()
  return destinationsOf(tree).flatMap((given, index) => {
    const entry = mapping(given)
    const { name } = entry
    const isTaken = name !== undefined && names.has(name)
    names.add(name)
    const text = `another destination has the name ${String(name)}; give each a different name`
    const path = ['destinations', index, 'name']
    return [
      ...(isTaken ? [{ path, text, showsValue: false }] : []),
      ...(isMapping(given) ? problemsOfKind(tree, index, entry) : []),
    ]
  })
}

function problemsOfKind(
  tree: ConfigTree,
  index: number,
  entry: Readonly<Record<string, unknown>>,
): Problem[] {
  const path = ['destinations', index]
  const kinds = kindsIn(entry)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1) {
    // A misspelt kind is reported as an unknown key.
    if (Object.keys(entry).some((key) => !Object.hasOwn(destinationOptions.shape, key))) return []
    const found = kind === undefined ? 'there is none' : `there are ${kinds.join(' and ')}`
    const expected = Object.keys(DESTINATION_KINDS).join(', ')
    const text = `expected one kind of destination (${expected}), but ${found}`
    return [{ path, text, showsValue: false }]
  }
  if (kind === 'iotAnalytics' && entry['batch'] !== undefined) {
    const text =
      'does not apply to iotAnalytics; set parameters.IotAnalyticsBatchSizePerChannel and parameters.PublishInterval'
    return [{ path: [...path, 'batch'], text, showsValue: false }]
  }
  return AWS_SERVICES[kind] === undefined ? [] : problemsOfRegion(tree, [...path, kind])
}

function problemsOfRegion(tree: ConfigTree, place: ConfigPath): Problem[] {
  const options = tree.get(place)
  const lacksRegion = isMapping(options) && options['region'] === undefined
  if (!lacksRegion || publishRegionOf(tree) !== undefined) return []
  const text =
    'expected a Region such as us-west-2, here, in parameters.PublishRegion or in AWS_REGION'
  return [{ path: [...place, 'region'], text, showsValue: true }]
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
