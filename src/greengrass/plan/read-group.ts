/**
 * Reads a v1 group from the files that `aws greengrass get-…-definition-version` wrote. A file is
 * known by the list in it, so names and order do not matter.
 */
import type { ConfigDocument } from '../../config/inputs/config-file.ts'
import { type DefinitionList, definitionList } from '../../config/inputs/definition-list.ts'
import { mergeDefinition } from '../../config/load.ts'
import { checkConfig } from '../../config/parse-config.ts'
import { shownValue } from '../../config/schema/config-errors.ts'
import { ConfigTree, isMapping } from '../../config/schema/config-tree.ts'
import { type ConfigPath, SchemaIndex } from '../../config/schema/schema-index.ts'
import { ConnectorError } from '../../errors.ts'
import { quoted } from '../../shown-text.ts'
import { faultOfTopicFilter } from '../../topics.ts'
import {
  PARTY_FORMS,
  parseParty,
  type V1Connector,
  type V1Group,
  type V1Party,
  type V1Subscription,
} from './v1-group.ts'

const LISTS = ['Connectors', 'Subscriptions', 'Functions', 'Devices'] as const
type ListName = (typeof LISTS)[number]

/** In a file that is only a list, the key by which its entries are known. */
const KEYS: Readonly<Record<ListName, string>> = {
  Connectors: 'ConnectorArn',
  Subscriptions: 'Subject',
  Functions: 'FunctionArn',
  Devices: 'ThingArn',
}
/** Files of an export that have nothing for the connector. */
const OTHER_LISTS = ['Cores', 'Loggers', 'Resources']
const MAX_ID_CHARACTERS = 128

/** Throws `InvalidConfiguration`, with the place of the first fault. */
export function readGroup(documents: readonly ConfigDocument[]): V1Group {
  for (const document of documents) assertDefinition(document)
  const connectors = theOnly(documents, 'Connectors')
  const subscriptions = theOnly(documents, 'Subscriptions')
  if (connectors === undefined && subscriptions === undefined) {
    throw new ConnectorError(
      'InvalidConfiguration',
      'expected a connector definition or subscriptions of Greengrass v1 in these files, found neither; add what aws greengrass get-connector-definition-version and get-subscription-definition-version print',
    )
  }
  const names = new Map([
    ...namesIn(documents, 'Functions', 'FunctionArn'),
    ...namesIn(documents, 'Devices', 'ThingArn'),
  ])
  return {
    connector: connectors === undefined ? undefined : readConnector(connectors),
    subscriptions:
      subscriptions === undefined ? undefined : readSubscriptions(subscriptions, names),
  }
}

function assertDefinition(document: ConfigDocument): void {
  const { value } = document
  if (LISTS.some((name) => listIn(document, name) !== undefined) || isOther(value)) return
  throw invalid(
    document,
    [],
    `expected what aws greengrass get-…-definition-version prints, with a list ${LISTS.join(', ')}, got ${insteadOfDefinition(value)}`,
  )
}

function insteadOfDefinition(value: unknown): string {
  // As a command that failed leaves its output.
  if (value === null) return 'an empty file'
  if (!isMapping(value) || typeof value['LatestVersion'] !== 'string') return shownValue('', value)
  return `a definition without its version: get the version ${quoted(value['LatestVersion'])} of it`
}

/** The group version names the versions of the definitions; the other lists are of no use here. */
function isOther(value: unknown): boolean {
  const inner = isMapping(value) && isMapping(value['Definition']) ? value['Definition'] : value
  if (!isMapping(inner)) return false
  return Object.keys(inner).some(
    (key) => OTHER_LISTS.includes(key) || key.endsWith('DefinitionVersionArn'),
  )
}

function listIn(document: ConfigDocument, name: ListName): DefinitionList | undefined {
  const list = definitionList(document.value, name)
  if (list === undefined || list.path.length > 0) return list
  const [first] = list.entries
  return isMapping(first) && KEYS[name] in first ? list : undefined
}

function theOnly(documents: readonly ConfigDocument[], name: ListName): ConfigDocument | undefined {
  const [first, second] = documents.filter((document) => listIn(document, name) !== undefined)
  if (first === undefined || second === undefined) return first
  const path = listIn(second, name)?.path ?? []
  throw invalid(second, path, `expected ${name} in one file, got them in ${first.locate([])} too`)
}

function readConnector(document: ConfigDocument): V1Connector {
  const tree = new ConfigTree()
  const { arn, isolationMode, parameters, problems } = mergeDefinition(document, tree)
  checkConfig(tree, new SchemaIndex(), {}, problems)
  return { arn, isolationMode, parameters }
}

/** What people called functions and devices in the group. */
function namesIn(documents: readonly ConfigDocument[], name: ListName, key: string) {
  return documents
    .flatMap((document) => listIn(document, name)?.entries ?? [])
    .flatMap((entry): [string, string][] => {
      const [arn, id] = isMapping(entry) ? [entry[key], entry['Id']] : []
      return typeof arn === 'string' && typeof id === 'string' && !isUuid(id) ? [[arn, id]] : []
    })
}

/** Ids that the console made name nothing. */
function isUuid(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
}

function readSubscriptions(document: ConfigDocument, names: ReadonlyMap<string, string>) {
  const { entries, path } = listIn(document, 'Subscriptions') ?? { entries: [], path: [] }
  return entries.map((entry, index) => readSubscription(document, [...path, index], entry, names))
}

function readSubscription(
  document: ConfigDocument,
  path: ConfigPath,
  entry: unknown,
  names: ReadonlyMap<string, string>,
): V1Subscription {
  if (!isMapping(entry)) {
    const given = shownValue('', entry)
    throw invalid(
      document,
      path,
      `expected a subscription with Source, Subject, Target, got ${given}`,
    )
  }
  const party = (key: string): V1Party => {
    const arn = entry[key]
    const found = typeof arn === 'string' ? parseParty(arn) : undefined
    if (found !== undefined) return { ...found, name: names.get(found.arn) ?? found.name }
    const given = shownValue('', arn)
    throw invalid(document, [...path, key], `expected in ${key} ${PARTY_FORMS}, got ${given}`)
  }
  return {
    id: idOf(entry['Id'], path),
    source: party('Source'),
    subject: subjectOf(document, [...path, 'Subject'], entry['Subject']),
    target: party('Target'),
  }
}

function subjectOf(document: ConfigDocument, path: ConfigPath, subject: unknown): string {
  const fault =
    typeof subject === 'string' ? faultOfTopicFilter(subject) : 'expected a topic filter as Subject'
  if (typeof subject === 'string' && fault === undefined) return subject
  const given = typeof subject === 'string' ? quoted(subject) : shownValue('', subject)
  throw invalid(document, path, `${fault}, got ${given}`)
}

/** Ids become keys of configurations, so they have only characters that mean nothing there. */
function idOf(id: unknown, path: ConfigPath): string {
  const text = typeof id === 'string' ? id.replaceAll(/[^A-Za-z0-9_-]/g, '-') : ''
  return text === '' ? `subscription-${path.at(-1)}` : text.slice(0, MAX_ID_CHARACTERS)
}

function invalid(document: ConfigDocument, path: ConfigPath, text: string): ConnectorError {
  return new ConnectorError('InvalidConfiguration', `${document.locate(path)}: ${text}`)
}
