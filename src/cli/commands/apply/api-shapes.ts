/**
 * Resources in the shapes of the API:
 *
 *     channels: [{ channelName: press }]     lists of what the Create operations take
 *     { "channelName": "press" }             one of them, as for --cli-input-json
 *     { "channel": { "name": "press", … } }  the output of a Describe operation
 */
import { RESOURCE_KINDS, type ResourceKind } from '../../../analytics/resources/arn.ts'
import { quoted } from '../../../shown-text.ts'
import type { FoundResource, Members } from './definition.ts'
import type { DefinitionDocument, KeyPath } from './definition-document.ts'

/** What Describe answers besides the definition. */
const STATE = [
  'arn',
  'status',
  'creationTime',
  'lastUpdateTime',
  'lastMessageArrivalTime',
  'reprocessingSummaries',
]
/** Members that Describe calls differently than Create. */
const RENAMED: Readonly<Record<ResourceKind, Readonly<Record<string, string>>>> = {
  channel: { name: 'channelName', storage: 'channelStorage' },
  datastore: { name: 'datastoreName', storage: 'datastoreStorage' },
  pipeline: { name: 'pipelineName', activities: 'pipelineActivities' },
  dataset: { name: 'datasetName' },
}
/** Beside the output of Describe. */
const BESIDE = ['statistics', 'ResponseMetadata']
const EXPECTED =
  'expected channels, datastores, pipelines or datasets, the output of a Describe operation, or a CloudFormation template with Resources'

/** @returns the resources, and sentences for what is none */
export function resourcesIn(document: DefinitionDocument): {
  readonly found: readonly FoundResource[]
  readonly problems: readonly string[]
} {
  const { value, file, locate } = document
  if (!isObject(value))
    return { found: [], problems: [`${file}: ${EXPECTED}, got ${kindOf(value)}`] }
  const single = RESOURCE_KINDS.find((kind) => Object.hasOwn(value, `${kind}Name`))
  if (single !== undefined) return { found: [resource(document, single, [], value)], problems: [] }
  const found: FoundResource[] = []
  const problems: string[] = []
  for (const [key, content] of Object.entries(value)) {
    if (BESIDE.includes(key)) continue
    const described = RESOURCE_KINDS.find((kind) => kind === key)
    const listed = RESOURCE_KINDS.find((kind) => `${kind}s` === key)
    if (described !== undefined) found.push(resource(document, described, [key], content))
    else if (listed === undefined) {
      problems.push(`${locate([key])}: ${EXPECTED}, got ${quoted(key)}`)
    } else if (!Array.isArray(content)) {
      problems.push(`${locate([key])}: ${key}: expected a list, got ${kindOf(content)}`)
    } else {
      content.forEach((item, index) => {
        found.push(listedResource(document, listed, [key, index], item))
      })
    }
  }
  return { found, problems }
}

/** `value`, as a Create operation takes it: an output of Describe loses what is no definition. */
export function createInput(kind: ResourceKind, value: Members): Members {
  if (!isDescribed(kind, value)) return value
  const members = Object.entries(value).filter(([name]) => !STATE.includes(name))
  return Object.fromEntries(members.map(([name, member]) => [renamed(kind, name), member]))
}

/** `path`, a place in the document, has an item of a list: the resource, or an output of Describe. */
function listedResource(
  document: DefinitionDocument,
  kind: ResourceKind,
  path: KeyPath,
  item: unknown,
): FoundResource {
  const inner = isObject(item) && Object.hasOwn(item, kind) ? item[kind] : undefined
  if (inner === undefined) return resource(document, kind, path, item)
  return resource(document, kind, [...path, kind], inner)
}

function resource(
  { locate }: DefinitionDocument,
  kind: ResourceKind,
  path: KeyPath,
  content: unknown,
): FoundResource {
  const input = isObject(content) ? createInput(kind, content) : content
  const isRenamed = isObject(content) && isDescribed(kind, content)
  return {
    kind,
    input,
    placeOf: ([first, ...rest]) => {
      const start = first === undefined ? [] : [isRenamed ? original(kind, first) : first]
      const whole = [...path, ...start, ...rest]
      const text = pathText(whole)
      return text === '' ? locate(whole) : `${locate(whole)}: ${text}`
    },
  }
}

function isDescribed(kind: ResourceKind, value: Members): boolean {
  return Object.hasOwn(value, 'name') && !Object.hasOwn(value, `${kind}Name`)
}

function renamed(kind: ResourceKind, name: string): string {
  const names = RENAMED[kind]
  return Object.hasOwn(names, name) ? (names[name] ?? name) : name
}

function original(kind: ResourceKind, name: string | number): string | number {
  return Object.entries(RENAMED[kind]).find(([, after]) => after === name)?.[0] ?? name
}

/** `channels[0].retentionPeriod` */
export function pathText(path: KeyPath): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? key : `${text}.${key}`
  }, '')
}

export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  return typeof value === 'object' ? 'an object' : `${typeof value} ${quoted(String(value), 64)}`
}
