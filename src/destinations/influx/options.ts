import * as z from 'zod'
import { authOption } from '../posting/authorization.ts'
import { postFields, webUrl } from '../posting/post-options.ts'

const name = z.string().min(1).max(256)
/** A character that no server can hold in a name, however it is escaped. */
const plainName = name.refine((text) => !/[\p{Cc}\\]/u.test(text), {
  error: 'must have no control characters and no backslash',
})
const tagKey = plainName.refine((key) => key !== 'time' && !key.startsWith('_'), {
  error: 'must not be "time" and must not begin with an underscore, which servers use themselves',
})

const tagSource = z.union(
  [
    z.strictObject({
      topicLevel: z
        .number()
        .int()
        .min(-128)
        .max(128)
        .refine((level) => level !== 0, {
          error: 'levels are counted from 1, or from -1 at the end',
        })
        .describe('A level of the topic, counted from 1, or from the end with -1.'),
    }),
    z.strictObject({
      json: name.describe('A value in the payload, by its dotted path, such as about.model.'),
    }),
    z.strictObject({ value: plainName.describe('The same text in every point.') }),
  ],
  { error: 'expected one of topicLevel, json and value' },
)

/** InfluxDB, or anything that takes its line protocol over HTTP. */
export const influxOptions = z
  .strictObject({
    url: webUrl('http://127.0.0.1:8086').describe(
      'Where the server is, without the path of the API. A path before that is kept.',
    ),
    api: z
      .enum(['v1', 'v2', 'v3'])
      .default('v2')
      .describe(
        'v1: /write. v2: /api/v2/write. v3: /api/v3/write_lp. VictoriaMetrics and QuestDB take v1 and v2.',
      ),
    database: name.optional().describe('Database, for v1 and v3.'),
    retentionPolicy: name.optional().describe('Retention policy of the database, for v1.'),
    bucket: name.optional().describe('Bucket, for v2.'),
    org: name.optional().describe('Organization of the bucket, by name or id, for v2.'),
    auth: authOption.optional(),
    measurement: plainName
      .optional()
      .describe('Measurement of all points. Default: the name of the channel.'),
    connectorTag: z
      .boolean()
      .default(true)
      .describe(
        'Adds the tag "connector" with the connector’s id. Without it, points of several connectors with the same tags and time overwrite each other.',
      ),
    tags: z
      .record(tagKey, tagSource)
      .default({})
      .describe('Tags of each point, and where their values come from. No others are written.')
      .meta({ examples: [{ device: { topicLevel: 2 }, model: { json: 'about.model' } }] }),
    fields: z
      .array(name)
      .min(1)
      .optional()
      .describe(
        'Fields to write, by their names in the payload, or dotted paths with nested: dotted. Default: all.',
      ),
    nested: z
      .enum(['ignore', 'dotted', 'json'])
      .default('ignore')
      .describe(
        'Objects and arrays in the payload. ignore: they are left out. dotted: each value in them is a field such as engine.speed or wheel.0. json: each is a field with its JSON as text.',
      ),
    valueField: plainName
      .default('value')
      .describe('Field for a payload that is a single number, text, true or false.'),
    rawField: plainName
      .optional()
      .describe(
        'Field for a payload that is not JSON: text as it is, other bytes in base64. Default: such a message is rejected.',
      ),
    ...postFields,
  })
  .refine(({ api, database }) => (api === 'v2') === (database === undefined), {
    path: ['database'],
    error: 'v1 and v3 need database; v2 has bucket instead',
  })
  .refine(({ api, bucket }) => (api === 'v2') === (bucket !== undefined), {
    path: ['bucket'],
    error: 'v2 needs bucket; v1 and v3 have database instead',
  })
  .refine(({ api, org }) => api === 'v2' || org === undefined, {
    path: ['org'],
    error: 'goes with api: v2',
  })
  .refine(({ api, retentionPolicy }) => api === 'v1' || retentionPolicy === undefined, {
    path: ['retentionPolicy'],
    error: 'goes with api: v1',
  })
  .refine(({ connectorTag, tags }) => !connectorTag || !Object.hasOwn(tags, 'connector'), {
    path: ['tags'],
    error: 'set connectorTag: false to give the tag "connector" another value',
  })
  .refine(({ url, tls }) => tls === undefined || url.startsWith('http:') !== true, {
    path: ['url'],
    error: 'must be https:// if tls is set',
  })
  .describe('Line protocol to InfluxDB, VictoriaMetrics, QuestDB or another server that takes it.')

export type InfluxOptions = z.output<typeof influxOptions>
