/** One activity of a pipeline: an object with one member, which names its kind. */
import * as z from 'zod'
import { listOf, members, oneMember, resourceName, roleArn, text, whole } from './values.ts'

const name = text({ max: 128 })
const next = name.optional()
const attribute = text({ max: 256 })
const expression = text({ max: 256 })
const attributes = listOf(attribute, 1, 50)
const MAPPING = 'expected an object of 1 to 50 names'
const mapping = z
  .record(attribute, attribute, MAPPING)
  .refine((value) => Object.keys(value).length >= 1 && Object.keys(value).length <= 50, MAPPING)
const enrichment = members({ name, attribute, thingName: attribute, roleArn, next })
const lambdaName = text({ max: 64, pattern: /^[a-zA-Z0-9_-]+$/, like: 'of A-Z a-z 0-9 _ -' })

export const pipelineActivity = oneMember({
  channel: members({ name, channelName: resourceName, next }),
  lambda: members({ name, lambdaName, batchSize: whole(1, 1_000), next }),
  datastore: members({ name, datastoreName: resourceName }),
  addAttributes: members({ name, attributes: mapping, next }),
  removeAttributes: members({ name, attributes, next }),
  selectAttributes: members({ name, attributes, next }),
  filter: members({ name, filter: expression, next }),
  math: members({ name, attribute, math: expression, next }),
  deviceRegistryEnrich: enrichment,
  deviceShadowEnrich: enrichment,
})

export type PipelineActivity = z.infer<typeof pipelineActivity>
export type ActivityKind = keyof PipelineActivity

export function nameOf(activity: PipelineActivity): string {
  return Object.values(activity).find((member) => member !== undefined)?.name ?? ''
}
