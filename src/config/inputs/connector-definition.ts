/**
 * The JSON of `aws greengrass create-connector-definition`: the whole CLI input, the value of
 * `--initial-version`, or only the array of connectors.
 */
import { ConnectorError } from '../../errors.ts'
import { type Problem, shownValue } from '../schema/config-errors.ts'
import { isMapping } from '../schema/config-tree.ts'
import type { ConfigPath } from '../schema/schema-index.ts'
import type { ConfigDocument } from './config-file.ts'
import { definitionList } from './definition-list.ts'

export interface ConnectorDefinition {
  readonly arn: string
  /** For the `parameters` section. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** The path of the parameters in the file. */
  readonly path: ConfigPath
  /** Undefined before version 4, and if it is not given. */
  readonly isolationMode: string | undefined
  /** Settings that were read and have no effect, one sentence each. */
  readonly notices: readonly string[]
  /** Reported together with what is wrong with the values. */
  readonly problems: readonly Problem[]
}

interface Entry {
  readonly path: ConfigPath
  readonly arn: string
  readonly region: string
  readonly connector: string
  readonly version: number
  readonly parameters: unknown
}

const ARN =
  /^arn:aws[a-z-]*:greengrass:([a-z0-9-]+)::\/connectors\/([A-Za-z0-9_-]+)\/versions\/([0-9]+)$/
const ARN_EXAMPLE = 'arn:aws:greengrass:us-west-2::/connectors/IoTAnalytics/versions/2'
/**
 * Versions 1 and 2: the specification. 3: another Python. 4: IsolationMode. No later one exists.
 */
const LATEST_VERSION = 4
const NO_MEMORY_SIZE: Problem = {
  path: ['parameters', 'MemorySize'],
  text: 'expected MemorySize, which a connector definition must give',
  showsValue: false,
}
const ISOLATION_MODES = ['GreengrassContainer', 'NoContainer']

export function readConnectorDefinition(document: ConfigDocument): ConnectorDefinition {
  const list = definitionList(document.value, 'Connectors')
  if (list === undefined) {
    throw invalid(
      document,
      [],
      'expected the JSON of aws greengrass create-connector-definition, with a list "Connectors"',
    )
  }
  const entries = list.entries.map((entry, index) =>
    parseEntry(document, entry, [...list.path, index]),
  )
  const ours = entries.filter((entry) => entry.connector === 'IoTAnalytics')
  const others = entries.filter((entry) => entry.connector !== 'IoTAnalytics')
  const [only, second] = ours
  if (only === undefined) {
    const found = others.map((entry) => entry.connector).join(', ') || 'none'
    throw invalid(document, list.path, `expected an IoTAnalytics connector, found: ${found}`)
  }
  if (second !== undefined) {
    throw invalid(document, second.path, 'expected one IoTAnalytics connector, got a second one')
  }
  const { parameters, isolationMode, problems } = parametersOf(document, only)
  return {
    arn: only.arn,
    parameters,
    path: [...only.path, 'Parameters'],
    isolationMode,
    notices: [
      ...others.map((entry) => `Connector ${entry.connector} is skipped (${entry.arn}).`),
      ...(isolationMode === undefined
        ? []
        : [
            `IsolationMode ${isolationMode} has no effect: this process does not run in Greengrass.`,
          ]),
    ],
    problems,
  }
}

function parseEntry(document: ConfigDocument, entry: unknown, path: ConfigPath): Entry {
  const arn = isMapping(entry) ? entry['ConnectorArn'] : undefined
  const match = typeof arn === 'string' ? ARN.exec(arn) : null
  if (!isMapping(entry) || match === null) {
    const expected = `expected a ConnectorArn such as ${ARN_EXAMPLE}`
    throw invalid(document, [...path, 'ConnectorArn'], `${expected}, got ${shownValue('', arn)}`)
  }
  const [whole, region = '', connector = '', version] = match
  const parameters = entry['Parameters']
  return { path, arn: whole, region, connector, version: Number(version), parameters }
}

function parametersOf(document: ConfigDocument, entry: Entry) {
  const path = [...entry.path, 'Parameters']
  if (entry.version < 1 || entry.version > LATEST_VERSION) {
    const expected = `expected a version from 1 to ${LATEST_VERSION} of the connector`
    throw invalid(document, [...entry.path, 'ConnectorArn'], `${expected}, got ${entry.version}`)
  }
  if (!isMapping(entry.parameters)) {
    const given = shownValue('', entry.parameters)
    throw invalid(document, path, `expected the connector’s parameters, got ${given}`)
  }
  const { IsolationMode: isolation, ...parameters } = entry.parameters
  const hasMemorySize = (parameters['MemorySize'] ?? '') !== ''
  // "Use the same Region as the connector": it is in the ARN. The specification's example has
  // `region` there.
  if ((parameters['PublishRegion'] ?? '') === '' && entry.region.includes('-')) {
    parameters['PublishRegion'] = entry.region
  }
  const isolationMode =
    isolation === undefined ? undefined : checkedIsolation(document, entry, isolation)
  return { parameters, isolationMode, problems: hasMemorySize ? [] : [NO_MEMORY_SIZE] }
}

function checkedIsolation(document: ConfigDocument, entry: Entry, mode: unknown): string {
  const path = [...entry.path, 'Parameters', 'IsolationMode']
  if (entry.version < LATEST_VERSION) {
    const text = `IsolationMode exists since version ${LATEST_VERSION}; this is version ${entry.version}`
    throw invalid(document, path, text)
  }
  if (typeof mode !== 'string' || !ISOLATION_MODES.includes(mode)) {
    const expected = `expected ${ISOLATION_MODES.join(' or ')}`
    throw invalid(document, path, `${expected}, got ${shownValue('', mode)}`)
  }
  return mode
}

function invalid(document: ConfigDocument, path: ConfigPath, text: string): ConnectorError {
  return new ConnectorError('InvalidConfiguration', `${document.locate(path)}: ${text}`)
}
