/**
 * Resources in a CloudFormation template: those of the types `AWS::IoTAnalytics::…`. Their properties
 * are the members of the API with a capital letter, but for a few names.
 */
import { RESOURCE_KINDS, type ResourceKind } from '../../../analytics/resources/arn.ts'
import { quoted } from '../../../shown-text.ts'
import { isObject, kindOf, pathText } from './api-shapes.ts'
import type { FoundResource, Members } from './definition.ts'
import type { DefinitionDocument, KeyPath } from './definition-document.ts'
import { TemplateValues, UnresolvedValue } from './template-values.ts'

const TYPE_PREFIX = 'AWS::IoTAnalytics::'
/** By the property that has them: names that are not those of the API with a capital letter. */
const RENAMED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Schedule: { ScheduleExpression: 'expression' },
  TriggeringDataset: { DatasetName: 'name' },
  Triggers: { TriggeringDataset: 'dataset' },
  Variables: { VariableName: 'name' },
  Partitions: { Partition: 'attributePartition' },
}
const NUMBERS = [
  'NumberOfDays',
  'MaxVersions',
  'OffsetSeconds',
  'BatchSize',
  'VolumeSizeInGB',
  'TimeoutInMinutes',
  'DoubleValue',
]
const TRUTHS = ['Unlimited']
/** The names in it are the user's own. */
const MAP = 'Attributes'

export interface TemplateResources {
  readonly found: readonly FoundResource[]
  readonly problems: readonly string[]
  /** Types of resources that are left out. */
  readonly leftOut: readonly string[]
}

export function isTemplate({ value }: DefinitionDocument): boolean {
  return isObject(value) && Object.hasOwn(value, 'Resources')
}

/** @param given parameters, by name */
export function templateResources(
  document: DefinitionDocument,
  given: ReadonlyMap<string, string>,
): TemplateResources {
  const template = isObject(document.value) ? document.value : {}
  const { Resources: resources, Parameters: parameters } = template
  const found: FoundResource[] = []
  const problems: string[] = []
  const leftOut: string[] = []
  if (!isObject(resources)) {
    const text = `${document.locate(['Resources'])}: Resources: expected an object, got ${kindOf(resources)}`
    return { found, problems: [text], leftOut }
  }
  const names = { given, parameters: isObject(parameters) ? parameters : {}, resources }
  const values = new TemplateValues(names)
  for (const [logicalId, resource] of Object.entries(resources)) {
    const type = isObject(resource) ? String(resource['Type']) : ''
    const kind = RESOURCE_KINDS.find((one) => type === `${TYPE_PREFIX}${capitalized(one)}`)
    if (kind === undefined || !isObject(resource)) {
      leftOut.push(type)
      continue
    }
    const path = ['Resources', logicalId]
    if (resource['Condition'] !== undefined) {
      const place = document.locate([...path, 'Condition'])
      problems.push(
        `${place}: ${pathText([...path, 'Condition'])}: conditions are not evaluated: remove it, or the resource`,
      )
      continue
    }
    const one = resourceOf(document, kind, [...path, 'Properties'], resource['Properties'])
    const result = one(values)
    if ('problems' in result) problems.push(...result.problems)
    else found.push(result)
  }
  return { found, problems, leftOut }
}

function resourceOf(
  { locate }: DefinitionDocument,
  kind: ResourceKind,
  path: KeyPath,
  properties: unknown,
): (values: TemplateValues) => FoundResource | { readonly problems: readonly string[] } {
  const placeAt = (rest: KeyPath) =>
    `${locate([...path, ...rest])}: ${pathText([...path, ...rest])}`
  return (values) => {
    const problems: string[] = []
    const input = converted(properties ?? {}, [], {
      resolve: (value, at) => {
        try {
          return values.resolve(value)
        } catch (thrown) {
          if (!(thrown instanceof UnresolvedValue)) throw thrown
          problems.push(`${placeAt(at)}: ${thrown.message}`)
          return undefined
        }
      },
    })
    const name = `${capitalized(kind)}Name`
    if (isObject(properties) && !Object.hasOwn(properties, name)) {
      problems.push(
        `${placeAt([])}: expected ${name}: CloudFormation makes up a name, apply does not`,
      )
    }
    if (problems.length > 0) return { problems }
    return { kind, input, placeOf: (at) => placeAt(originalPath(properties, at)) }
  }
}

interface Conversion {
  readonly resolve: (value: unknown, path: KeyPath) => unknown
}

/** The value in the shape of the API. Functions are resolved where they are, so errors say where. */
function converted(value: unknown, path: KeyPath, conversion: Conversion): unknown {
  if (Array.isArray(value)) {
    return value.map((item, index) => converted(item, [...path, index], conversion))
  }
  const key = lastName(path)
  if (!isObject(value) || isCall(value)) return plainValue(key, conversion.resolve(value, path))
  if (key === MAP) return conversion.resolve(value, path)
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      apiName(key, name),
      converted(member, [...path, name], conversion),
    ]),
  )
}

function isCall(value: Members): boolean {
  const [name, ...more] = Object.keys(value)
  return more.length === 0 && (name === 'Ref' || name?.startsWith('Fn::') === true)
}

/** Parameters are texts, so numbers may be written as such. */
function plainValue(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (NUMBERS.includes(key) && value.trim() !== '' && Number.isFinite(Number(value))) {
    return Number(value)
  }
  if (TRUTHS.includes(key) && (value === 'true' || value === 'false')) return value === 'true'
  return value
}

/** The nearest name in a path: items of a list are called as the list. */
function lastName(path: KeyPath): string {
  return String(path.findLast((key) => typeof key === 'string') ?? '')
}

function apiName(parent: string, name: string): string {
  const names = Object.hasOwn(RENAMED, parent) ? RENAMED[parent] : undefined
  if (names !== undefined && Object.hasOwn(names, name)) return names[name] ?? name
  return `${name.slice(0, 1).toLowerCase()}${name.slice(1)}`
}

/** The path in the template to what has `path` in the API. */
function originalPath(properties: unknown, path: KeyPath): KeyPath {
  const original: (string | number)[] = []
  let value = properties
  for (const key of path) {
    const parent = lastName(original)
    const names = isObject(value) ? Object.keys(value) : []
    const name =
      typeof key === 'number'
        ? key
        : (names.find((one) => apiName(parent, one) === key) ?? capitalized(key))
    original.push(name)
    value = Object(value)[name]
  }
  return original
}

function capitalized(name: string): string {
  return `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`
}

/** Such as `2 resources of other types: AWS::IAM::Role`. */
export function leftOutText(leftOut: readonly string[]): string {
  const types = [...new Set(leftOut)].map((type) => quoted(type).slice(1, -1))
  const shown = types.slice(0, 5).join(', ')
  return `${leftOut.length} of other types: ${shown}${types.length > 5 ? ', …' : ''}`
}
