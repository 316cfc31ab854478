/** Inputs just inside and just outside of each constraint of the model. */
import {
  type Input,
  type ModelledOperation,
  type ServiceModel,
  type Shape,
  shapeOf,
} from './service-model.ts'

export interface ConstraintCase {
  /** As errors name the member. */
  readonly member: string
  readonly what: string
  readonly isValid: boolean
  readonly input: Input
}

/** What a shape needs besides its required members: one of several. */
const COMPLETED: Readonly<Record<string, Input>> = {
  ChannelStorage: { serviceManagedS3: {} },
  DatastoreStorage: { serviceManagedS3: {} },
  FileFormatConfiguration: { jsonConfiguration: {} },
  RetentionPeriod: { unlimited: true },
  VersioningConfiguration: { unlimited: true },
  DatastorePartition: { attributePartition: { attributeName: 'device' } },
  DatasetAction: {
    queryAction: {
      sqlQuery: 'SELECT 1',
      filters: [{ deltaTime: { offsetSeconds: -180, timeExpression: 'from_unixtime(time)' } }],
    },
  },
  DatasetTrigger: { schedule: { expression: 'rate(15 minutes)' } },
  DatasetContentDeliveryDestination: {
    iotEventsDestinationConfiguration: {
      inputName: 'input',
      roleArn: 'arn:aws:iam::000000000000:role/r',
    },
  },
  LateDataRuleConfiguration: { deltaTimeSessionWindowConfiguration: { timeoutInMinutes: 1 } },
  PipelineActivity: { filter: { name: 'f', filter: 'a > 1' } },
  Variable: { stringValue: 'text' },
}
/** Members of which a shape has one. */
const ALTERNATIVES = new Set(Object.keys(COMPLETED))
/** Members that a shape of alternatives has beside them. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  DatasetAction: ['actionName'],
  Variable: ['name'],
}

const PLAIN: Readonly<Record<string, unknown>> = {
  boolean: true,
  integer: 1,
  double: 1,
  timestamp: 1_700_000_000,
  blob: 'e30=',
}

/** Text for patterns that a repeated letter does not match. */
const TEXTS: Readonly<Record<string, (length: number) => string>> = {
  S3KeyPrefix: (length) => (length === 0 ? '' : `${'a'.repeat(length - 1)}/`),
  ScheduleExpression: () => 'rate(15 minutes)',
  DatasetContentVersion: (length) => 'a'.repeat(length),
}

/** The text of the model has another minimum than its shape: a channel and a datastore. */
const MIN: Readonly<Record<string, number>> = { PipelineActivities: 2 }

const ANOTHER_TYPE = 'another type'

interface Site {
  readonly path: readonly (string | number)[]
  readonly shapeName: string
}

export function constraintCases(
  model: ServiceModel,
  operation: ModelledOperation,
): ConstraintCase[] {
  const { input } = operation
  if (input === undefined) return []
  const { members = {}, required = [] } = shapeOf(model, input.shape)
  const missing = required
    .filter((name) => members[name]?.location === undefined)
    .map((name) => ({
      member: name,
      what: 'nothing',
      isValid: false,
      input: without(name, structureWith(model, input.shape, undefined)),
    }))
  const atSites = sitesIn(model, input.shape, []).flatMap((site) => {
    const cases = casesOf(model, input.shape, site)
    // Path and query are text, whatever is meant.
    const isText = members[`${site.path[0]}`]?.location !== undefined
    return isText ? cases.filter(({ what }) => what !== ANOTHER_TYPE) : cases
  })
  return [...missing, ...atSites]
}

/** Every member, with list items and values of maps. */
function sitesIn(
  model: ServiceModel,
  shapeName: string,
  path: readonly (string | number)[],
): Site[] {
  const shape = shapeOf(model, shapeName)
  const own: Site[] = path.length === 0 ? [] : [{ path, shapeName }]
  if (shape.type === 'structure') {
    const below = Object.entries(shape.members ?? {}).flatMap(([name, member]) =>
      sitesIn(model, member.shape, [...path, name]),
    )
    return [...own, ...below]
  }
  if (shape.type === 'list') {
    return [...own, ...sitesIn(model, shape.member?.shape ?? '', [...path, 0])]
  }
  return own
}

function casesOf(model: ServiceModel, root: string, { path, shapeName }: Site): ConstraintCase[] {
  const shape = shapeOf(model, shapeName)
  const member = path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`,
    '',
  )
  const inputWith = (value: unknown): Input => Object(documentAround(model, root, path, value))
  const values = valuesOf(model, shapeName, shape).map(({ what, value, isValid }) => ({
    member,
    what,
    isValid,
    input: inputWith(value),
  }))
  return [
    ...values,
    ...(shape.required ?? []).map((name) => ({
      member: `${member}.${name}`,
      what: 'nothing',
      isValid: false,
      input: inputWith(without(name, structureWith(model, shapeName, undefined))),
    })),
  ]
}

function without(name: string, value: Input): Input {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))
}

interface Value {
  readonly what: string
  readonly value: unknown
  readonly isValid: boolean
}

function valuesOf(model: ServiceModel, shapeName: string, shape: Shape): Value[] {
  const { type } = shape
  const sized = sizesOf({ ...shape, ...(MIN[shapeName] && { min: MIN[shapeName] }) }).flatMap(
    ({ size, isValid }): Value[] => {
      const value = valueOfSize(model, shapeName, shape, size)
      return value === undefined ? [] : [{ what: `${type} of ${size}`, value, isValid }]
    },
  )
  const wrongType = { what: ANOTHER_TYPE, value: type === 'structure' ? 'x' : {}, isValid: false }
  const wrongTypes = type === 'map' ? [{ ...wrongType, value: 'x' }] : [wrongType]
  const patterned =
    shape.pattern === undefined || shape.pattern.startsWith('[\\u0020')
      ? []
      : [{ what: 'a control character', value: 'aaaa\u0007aaaa', isValid: false }]
  const listed =
    shape.enum === undefined ? [] : [{ what: 'no such value', value: 'OTHER', isValid: false }]
  return [...sized, ...wrongTypes, ...patterned, ...listed]
}

function sizesOf({ type, min, max, enum: listed }: Shape) {
  if (listed !== undefined || type === 'structure') return []
  const sizes: { readonly size: number; readonly isValid: boolean }[] = []
  if (min !== undefined) sizes.push({ size: min, isValid: true })
  if (min !== undefined && (min > 0 || type === 'integer')) {
    sizes.push({ size: min - 1, isValid: false })
  }
  if (max !== undefined) sizes.push({ size: max, isValid: true }, { size: max + 1, isValid: false })
  return sizes
}

function valueOfSize(model: ServiceModel, shapeName: string, shape: Shape, size: number): unknown {
  if (shape.type === 'integer') return size
  if (shape.type === 'string') return textOf(shapeName, size)
  if (shapeName === 'PipelineActivities' && size > 0) return chainOf(size)
  const indexes = Array.from({ length: size }, (_, index) => index)
  if (shape.type === 'list') return indexes.map((index) => itemOf(model, shape, index))
  if (shape.type !== 'map') return undefined
  return Object.fromEntries(indexes.map((index) => [`k${index}`, `v${index}`]))
}

/** Different from the others of its list, where that matters. */
function itemOf(model: ServiceModel, { member }: Shape, index: number): unknown {
  const name = member?.shape ?? ''
  if (name === 'Tag') return { key: `k${index}`, value: 'v' }
  return minimal(model, name)
}

/** The least valid value. */
function minimal(model: ServiceModel, shapeName: string): unknown {
  const shape = shapeOf(model, shapeName)
  if (shape.type === 'structure') return structureWith(model, shapeName, undefined)
  if (shapeName === 'PipelineActivities') return chainOf(2)
  if (shape.type === 'list') {
    return Array.from({ length: shape.min ?? 0 }, (_, index) => itemOf(model, shape, index))
  }
  if (shape.type === 'map') return { a: 'b' }
  if (shape.enum !== undefined) return shape.enum[0]
  return PLAIN[shape.type] ?? textOf(shapeName, Math.max(shape.min ?? 1, 1))
}

/** Activities that lead from the channel `a` to the datastore `a`. */
function chainOf(length: number): unknown[] {
  const between = Array.from({ length: Math.max(0, length - 2) }, (_, index) => ({
    filter: { name: `n${index + 1}`, filter: 'a > 1', next: `n${index + 2}` },
  }))
  const first = { channel: { name: 'n0', channelName: 'a', next: 'n1' } }
  const last = { datastore: { name: `n${Math.max(1, length - 1)}`, datastoreName: 'a' } }
  return length === 1 ? [first] : [first, ...between, last]
}

function textOf(shapeName: string, length: number): string {
  return TEXTS[shapeName]?.(length) ?? 'a'.repeat(length)
}

function structureWith(
  model: ServiceModel,
  shapeName: string,
  given: readonly [name: string, value: unknown] | undefined,
): Input {
  const { required = [], members = {} } = shapeOf(model, shapeName)
  const needed = required.map((name) => [name, minimal(model, members[name]?.shape ?? '')] as const)
  const isBeside = given !== undefined && BESIDE[shapeName]?.includes(given[0])
  const completed = ALTERNATIVES.has(shapeName) && (given === undefined || isBeside)
  return {
    ...Object.fromEntries(needed),
    ...(completed ? COMPLETED[shapeName] : {}),
    ...(given === undefined ? {} : { [given[0]]: given[1] }),
  }
}

/** What the path leads through has its least members. */
function documentAround(
  model: ServiceModel,
  shapeName: string,
  [key, ...rest]: readonly (string | number)[],
  value: unknown,
): unknown {
  if (key === undefined) return value
  const shape = shapeOf(model, shapeName)
  if (typeof key === 'number')
    return [documentAround(model, shape.member?.shape ?? '', rest, value)]
  const inner = shape.members?.[key]?.shape ?? ''
  return structureWith(model, shapeName, [key, documentAround(model, inner, rest, value)])
}
