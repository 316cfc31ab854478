/** Compares what files define with what the connector has: what is to be created and updated. */
import { isDeepStrictEqual } from 'node:util'
import type { ResourceKind } from '../../../analytics/resources/arn.ts'
import type { Tag } from '../../../analytics/resources/tags.ts'
import type { CurrentResource } from './analytics-client.ts'
import { isObject, pathText } from './api-shapes.ts'
import type { Definition, Members } from './definition.ts'

export interface FieldChange {
  /** `retentionPeriod.numberOfDays` */
  readonly path: string
  /** Undefined: there is no such field. */
  readonly before: unknown
  readonly after: unknown
}

export interface Change {
  readonly definition: Definition
  readonly action: 'create' | 'update' | 'unchanged'
  /** Of tags too. Empty if it is unchanged. */
  readonly fields: readonly FieldChange[]
  /** Members with a change, as the Update operation takes them. */
  readonly members: Members
  readonly current: (CurrentResource & { readonly tags: readonly Tag[] }) | undefined
}

/** Members that cannot change after the creation. */
const FIXED: Readonly<Record<ResourceKind, readonly string[]>> = {
  channel: [],
  datastore: ['fileFormatConfiguration', 'datastorePartitions'],
  pipeline: [],
  dataset: [],
}
/** Of these, the kind can't change. */
const STORAGE = ['channelStorage', 'datastoreStorage']
/** The Update operation takes the whole definition. */
const REPLACED: readonly ResourceKind[] = ['pipeline', 'dataset']
const ORDER: readonly ResourceKind[] = ['channel', 'datastore', 'pipeline', 'dataset']

/** What refers to another resource comes after it. */
export function inOrder(definitions: readonly Definition[]): Definition[] {
  const datasets = new Map(
    definitions.filter(({ kind }) => kind === 'dataset').map((one) => [one.name, one]),
  )
  const ordered = new Set<Definition>()
  const add = (definition: Definition, waiting: ReadonlySet<Definition>) => {
    // In a circle, the connector refuses one of them and says why.
    if (waiting.has(definition)) return
    for (const name of datasetsNamedIn(definition)) {
      const other = datasets.get(name)
      if (other !== undefined) add(other, new Set([...waiting, definition]))
    }
    ordered.add(definition)
  }
  for (const kind of ORDER) {
    for (const definition of definitions) if (definition.kind === kind) add(definition, new Set())
  }
  return [...ordered]
}

/** Datasets that trigger it, or whose content it uses. */
function datasetsNamedIn({ kind, members }: Definition): string[] {
  if (kind !== 'dataset') return []
  const names: string[] = []
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const inner of Object.values(value)) collect(inner)
    if (!isObject(value)) return
    const { dataset, datasetContentVersionValue: content } = value
    if (isObject(dataset) && typeof dataset['name'] === 'string') names.push(dataset['name'])
    if (isObject(content) && typeof content['datasetName'] === 'string') {
      names.push(content['datasetName'])
    }
  }
  collect(members)
  return names
}

export function changeOf(definition: Definition, current: Change['current']): Change {
  const { kind, members: wanted, tags = current?.tags ?? [] } = definition
  const before = withoutEmpty(current?.members ?? {})
  const after = withoutEmpty(wanted)
  const fields = [
    ...fieldChanges(before, after),
    ...fieldChanges({ tags: tagMembers(current?.tags ?? []) }, { tags: tagMembers(tags) }),
  ]
  if (current === undefined) {
    return { definition, action: 'create', fields, members: wanted, current }
  }
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  const changed = [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]))
  const isReplaced = REPLACED.includes(kind)
  const entries = Object.entries(wanted).filter(([name]) => isReplaced || changed.includes(name))
  const action = fields.length === 0 ? 'unchanged' : 'update'
  const members = changed.length === 0 ? {} : Object.fromEntries(entries)
  return { definition, action, fields, members, current }
}

/** Why the change can't be made; undefined if it can. */
export function refusalOf({ definition, action, fields, current }: Change): string | undefined {
  if (action !== 'update') return undefined
  const { kind, name, place, members } = definition
  const fixed = fields.find(({ path }) => FIXED[kind].includes(/^\w+/.exec(path)?.[0] ?? ''))
  const storage = STORAGE.find(
    (one) => kindOfStorage(current?.members[one]) !== kindOfStorage(members[one]),
  )
  const what = fixed?.path ?? (storage && `the kind of ${storage}`)
  if (what === undefined) return undefined
  return `${place}: ${what} of the ${kind} ${name} can’t change. Define a ${kind} with another name${WAY_OUT[kind] ?? ''}, or delete this one first: aws iotanalytics delete-${kind} --${kind}-name ${name}`
}

const WAY_OUT: Readonly<Partial<Record<ResourceKind, string>>> = {
  datastore: ', let its pipelines write to that and reprocess them',
}

function kindOfStorage(storage: unknown): string | undefined {
  return Object.keys(Object(storage))[0]
}

/** The smallest values that differ. An empty object is a value. */
function fieldChanges(before: Members, after: Members): FieldChange[] {
  const changes: FieldChange[] = []
  const compare = (path: (string | number)[], old: unknown, now: unknown): void => {
    if (isDeepStrictEqual(old, now)) return
    const keys = keysOf(old, now)
    if (keys === undefined) {
      changes.push({ path: pathText(path), before: old, after: now })
      return
    }
    for (const key of keys) compare([...path, key], Object(old)[key], Object(now)[key])
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    compare([key], before[key], after[key])
  }
  return changes
}

/** What two values are compared by; undefined if as a whole. */
function keysOf(before: unknown, after: unknown): (string | number)[] | undefined {
  const given = [before, after].filter((value) => value !== undefined)
  if (given.every((value) => Array.isArray(value) && value.length > 0)) {
    const length = Math.max(...given.map((value) => (Array.isArray(value) ? value.length : 0)))
    return Array.from({ length }, (_, index) => index)
  }
  if (!given.every((value) => isObject(value) && Object.keys(value).length > 0)) return undefined
  return [...new Set(given.flatMap((value) => Object.keys(Object(value))))]
}

/** An empty list of triggers or rules is the same as none. */
function withoutEmpty(members: Members): Members {
  const given = Object.entries(members).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  )
  return Object.fromEntries(given)
}

/** By key, so that their order does not matter. */
function tagMembers(tags: readonly Tag[]): Members {
  return Object.fromEntries(tags.map(({ key, value }) => [key, value]))
}
