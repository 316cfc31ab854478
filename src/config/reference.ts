/** Writes `docs/configuration.md` and `docs/config.schema.json` from the schema that also does the checking. */

import { variableOf } from './inputs/overrides.ts'
import { DEFAULT_CONFIG_FILE } from './load.ts'
import { pathText } from './schema/config-tree.ts'
import { expectation } from './schema/describe-allowed.ts'
import {
  branchesOf,
  type ConfigPath,
  configJsonSchema,
  type SchemaNode,
} from './schema/schema-index.ts'

const INTRODUCTION = `# Configuration

<!-- Made by \`npm run docs\` from src/**/options.ts and src/config. Change it there. -->

Without any configuration the connector listens for MQTT on 127.0.0.1:1883 and keeps what arrives in \`./data\`.
\`iot-analytics-connector check\` prints what is in force and where each value comes from, or everything that is wrong.

\`\`\`yaml
parameters:
  IotAnalyticsDefaultChannelName: my_channel
inputs:
  - factory/#
destinations:
  - iotAnalytics: { endpoint: "http://analytics.example:8090", region: us-west-2 }
\`\`\`

## Where values come from

Each place lays its values over those before it; mappings are merged, lists replaced.

1. \`--connector-definition FILE\`: the JSON given to \`aws greengrass create-connector-definition\`, as it is. Its
   parameters become the section \`parameters\`. Other connectors in it are named and skipped; \`MemorySize\` must be there.
2. \`--config FILE\`, YAML or JSON, or the file that \`IOT_ANALYTICS_CONNECTOR_CONFIG\` names. Otherwise
   \`./${DEFAULT_CONFIG_FILE}\` if it exists.
3. Environment variables: \`IOT_ANALYTICS_CONNECTOR__\` and the path in capitals, its parts joined by two underscores.
   \`storage.maxBytes\` is \`${variableOf(['storage', 'maxBytes'])}\`, \`inputs[0]\` is \`${variableOf(['inputs', 0])}\`.
   One underscore more or less inside a name does not matter.
4. \`--set path=value\`, any number of times: \`--set storage.durability=memory\`, \`--set inputs[0]=factory/#\`.
5. \`--data DIR\` for \`storage.directory\`, \`--log-level LEVEL\` for \`log.level\`.

Durations are written with a unit: \`500ms\`, \`30s\`, \`15m\`, \`24h\`, \`7d\`. Sizes too: \`64KiB\`, \`16MiB\`, \`1GiB\` in powers of
1024, \`kB\`, \`MB\`, \`GB\` in powers of 1000. A number without a unit means milliseconds and bytes, or seconds where the
table says *whole seconds*. The old names \`connectTimeoutMs\`, \`maxKeepAliveS\`, \`keepAliveSeconds\` and
\`sessionExpirySeconds\` keep working.

In 3 and 4, \`true\`, \`false\` and numbers are what they look like where the setting is not text; lists and mappings are
written as in YAML, \`[a, b]\` and \`{k: v}\`; \`null\` unsets. A key with nothing after it counts as not set. Keys that do
not exist are errors. Relative paths start from the working directory.

For a destination's \`region\` and \`endpoint\`, when the file has none: \`PublishRegion\`, then \`AWS_REGION\` and
\`AWS_DEFAULT_REGION\`; \`AWS_ENDPOINT_URL_IOTANALYTICS\`, then \`AWS_ENDPOINT_URL\`, as AWS's SDKs do.

Editors complete and check the file with \`config.schema.json\`, which lies beside this page: begin the file with
\`# yaml-language-server: $schema=<path to config.schema.json>\`, or set \`$schema\` in JSON.
`

export function configurationPage(): string {
  const root = configJsonSchema()
  const sections = Object.entries(root.properties ?? {})
    .filter(([key]) => key !== '$schema')
    .map(([key, node]) => section(key, typeof node === 'boolean' ? {} : node))
  return [INTRODUCTION, ...sections].join('\n')
}

export function schemaDocument(): string {
  const { $schema, ...schema } = configJsonSchema()
  const document = { $schema, title: 'iot-analytics-connector configuration', ...schema }
  return `${JSON.stringify(document, withoutOwnKeywords, 2)}\n`
}

function section(key: string, node: SchemaNode): string {
  const rows = rowsOf([key], node, false)
  const head = `## ${key}\n\n${node.description ?? descriptionIn(node)}\n`
  if (rows.length === 0) return head
  return `${head}\n${aligned([['setting', 'allowed', 'default', ''], ...rows]).join('\n')}\n`
}

/** A Markdown table with its columns as wide as their widest cell, the first row its head. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(3, ...rows.map((cells) => cells[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[], filler: string): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width, filler)).join(' | ')} |`
  const [head = [], ...body] = rows
  return [line(head, ' '), line([], '-'), ...body.map((cells) => line(cells, ' '))]
}

/** A row per setting, a list's first entry standing for all; mappings have none of their own unless they carry an explanation. */
function rowsOf(path: ConfigPath, node: SchemaNode, isRequired: boolean): string[][] {
  const inner = branchesOf(node).flatMap((branch) => memberRows(path, branch))
  const entries = branchesOf(node).find((branch) => branch.type === 'array')
  if (inner.length === 0) return [row(path, node, isRequired)]
  const tellsMore = path.length > 1 && descriptionIn(node) !== ''
  return tellsMore || (entries !== undefined && path.length > 1)
    ? [row(path, node, isRequired), ...inner]
    : inner
}

function memberRows(path: ConfigPath, node: SchemaNode): string[][] {
  const members = Object.entries(node.properties ?? {}).flatMap(([key, member]) =>
    rowsOf(
      [...path, key],
      typeof member === 'boolean' ? {} : member,
      node.required?.includes(key) ?? false,
    ),
  )
  if (typeof node.additionalProperties === 'object') {
    members.push(...rowsOf([...path, '<name>'], node.additionalProperties, false))
  }
  if (node.type !== 'array' || typeof node.items !== 'object' || Array.isArray(node.items)) {
    return members
  }
  const entry = rowsOf([...path, 0], node.items, false)
  return [...members, ...entry]
}

/** `quantity` and `expected` are for this program; editors know nothing of them. */
function withoutOwnKeywords(key: string, value: unknown): unknown {
  return key === 'quantity' || key === 'expected' ? undefined : value
}

function row(path: ConfigPath, node: SchemaNode, isRequired: boolean): string[] {
  const cells = [
    `\`${pathText(path)}\``,
    expectation(node) ?? '',
    isRequired ? 'required' : defaultOf(node),
    descriptionIn(node),
  ]
  return cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' '))
}

function defaultOf(node: SchemaNode): string {
  const value = node.default
  if (value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)) {
    return ''
  }
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

/** A description may stand on the setting or, where that is optional or one of several, below. */
function descriptionIn(node: SchemaNode): string {
  if (node.description !== undefined) return node.description
  const [first] = branchesOf(node).flatMap((branch) => branch.description ?? [])
  return first ?? ''
}
