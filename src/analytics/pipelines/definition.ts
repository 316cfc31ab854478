/** A pipeline as the API and the configuration define it. The limits are those of AWS's API. */
import * as z from 'zod'
import { MAX_PATH_CHARACTERS } from './expressions/attribute-path.ts'
import { MAX_EXPRESSION_CHARACTERS } from './expressions/tokens.ts'

/** AWS's limits, beside those of the expressions. */
const MAX_NAME_CHARACTERS = 128
const MAX_ATTRIBUTES = 50
const MAX_BATCH_SIZE = 1_000
const MAX_ACTIVITIES = 25

const activityName = z.string().min(1).max(MAX_NAME_CHARACTERS)
/** Of channels, data stores and pipelines. */
const resourceName = z
  .string()
  .max(MAX_NAME_CHARACTERS)
  .regex(/^(?!__)[a-zA-Z0-9_]+$/, 'expected letters, digits and _, without __ at the start')
const attribute = z.string().min(1).max(MAX_PATH_CHARACTERS)
const attributes = z.array(attribute).min(1).max(MAX_ATTRIBUTES)
const expression = z.string().min(1).max(MAX_EXPRESSION_CHARACTERS)
/** Required at AWS. Here nothing uses it. */
const roleArn = z.string().max(2_048).optional()
const next = activityName.optional()

const deviceEnrichment = z.strictObject({
  name: activityName,
  attribute,
  thingName: attribute,
  roleArn,
  next,
})

/** Exactly one member is set. */
export const activitySchema = z
  .strictObject({
    channel: z.strictObject({ name: activityName, channelName: resourceName, next }),
    datastore: z.strictObject({ name: activityName, datastoreName: resourceName }),
    addAttributes: z.strictObject({
      name: activityName,
      attributes: z
        .record(attribute, attribute)
        .refine((map) => isBetween(Object.keys(map).length, 1, MAX_ATTRIBUTES), {
          error: `expected 1 to ${MAX_ATTRIBUTES} attributes`,
        }),
      next,
    }),
    removeAttributes: z.strictObject({ name: activityName, attributes, next }),
    selectAttributes: z.strictObject({ name: activityName, attributes, next }),
    filter: z.strictObject({ name: activityName, filter: expression, next }),
    math: z.strictObject({ name: activityName, attribute, math: expression, next }),
    lambda: z.strictObject({
      name: activityName,
      lambdaName: z
        .string()
        .max(64)
        .regex(/^[a-zA-Z0-9_-]+$/, 'expected letters, digits, _ and -'),
      batchSize: z.int().min(1).max(MAX_BATCH_SIZE),
      next,
    }),
    deviceRegistryEnrich: deviceEnrichment,
    deviceShadowEnrich: deviceEnrichment,
  })
  .partial()
  .refine((activity) => membersOf(activity) === 1, {
    error: 'expected exactly one kind of activity in each entry',
  })

export const pipelineSchema = z.strictObject({
  pipelineName: resourceName,
  pipelineActivities: z.array(activitySchema).min(2).max(MAX_ACTIVITIES),
})

export type ActivityDefinition = z.output<typeof activitySchema>
export type PipelineDefinition = z.output<typeof pipelineSchema>

function membersOf(activity: object): number {
  return Object.values(activity).filter((member) => member !== undefined).length
}

function isBetween(count: number, min: number, max: number): boolean {
  return count >= min && count <= max
}
