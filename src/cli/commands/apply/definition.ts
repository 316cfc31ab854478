/** What a file defines: resources in the shapes of the API's Create operations. */
import type * as z from 'zod'
import type { ResourceKind } from '../../../analytics/resources/arn.ts'
import { newChannel } from '../../../analytics/resources/channel-definition.ts'
import { newDataset } from '../../../analytics/resources/dataset-definition.ts'
import { newDatastore } from '../../../analytics/resources/datastore-definition.ts'
import { newPipeline } from '../../../analytics/resources/pipeline-definition.ts'
import { problemsIn } from '../../../analytics/resources/problems.ts'
import type { Tag } from '../../../analytics/resources/tags.ts'
import { printable } from '../../../shown-text.ts'
import type { KeyPath } from './definition-document.ts'

export type Members = Readonly<Record<string, unknown>>

/** A resource as a file has it, before it is checked. */
export interface FoundResource {
  readonly kind: ResourceKind
  /** In the shape of the API. */
  readonly input: unknown
  /** `plant.yaml:12:3: channels[0].retentionPeriod`, for a path in `input`. */
  readonly placeOf: (path: KeyPath) => string
}

/** A resource that is to be as it says. */
export interface Definition {
  readonly kind: ResourceKind
  readonly name: string
  /** All members but name and tags, with defaults. */
  readonly members: Members
  /** Undefined: they stay as they are. */
  readonly tags: readonly Tag[] | undefined
  /** Where it is defined. */
  readonly place: string
}

const SCHEMAS: Readonly<Record<ResourceKind, z.ZodType>> = {
  channel: newChannel,
  datastore: newDatastore,
  pipeline: newPipeline,
  dataset: newDataset,
}

/** Each with the rules of the API, and with sentences for what is wrong. */
export function checkedDefinitions(found: readonly FoundResource[]): {
  readonly definitions: readonly Definition[]
  readonly problems: readonly string[]
} {
  const definitions: Definition[] = []
  const problems: string[] = []
  for (const resource of found) {
    const { kind, input, placeOf } = resource
    const parsed = SCHEMAS[kind].safeParse(withoutNulls(input), { reportInput: true })
    if (!parsed.success) {
      for (const { path, text } of problemsIn(parsed.error)) {
        problems.push(`${printable(placeOf(path))}: ${text}`)
      }
      continue
    }
    const { [`${kind}Name`]: name, tags, ...members } = Object(parsed.data)
    const place = placeOf([])
    const before = definitions.find((one) => one.kind === kind && one.name === name)
    if (before !== undefined) {
      problems.push(`${place}: expected the ${kind} ${name} once; it is also at ${before.place}`)
      continue
    }
    definitions.push({ kind, name: String(name), members: plain(members), tags, place })
  }
  return { definitions, problems }
}

/** As it is sent: without members that are undefined. */
function plain(members: object): Members {
  return JSON.parse(JSON.stringify(members))
}

/** A key without a value, as in YAML, counts as not given. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  const given = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(given.map(([key, member]) => [key, withoutNulls(member)]))
}
