import * as z from 'zod'
import { file } from '../../named-files/tls-options.ts'
import { size } from '../../unit-options.ts'
import { authOption } from '../posting/authorization.ts'
import { isFieldName, isFieldValue } from '../posting/header-fields.ts'
import { postFields, webUrl } from '../posting/post-options.ts'

/** The connector writes these itself. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const fieldName = z
  .string()
  .refine(isFieldName, { error: 'expected the name of a header field, such as X-Api-Key' })
  .refine((name) => !OWN_FIELDS.has(name.toLowerCase()), {
    error: 'the connector writes this header field itself; for Authorization, set auth',
  })

/** Any HTTP service that takes messages. */
export const httpOptions = z
  .strictObject({
    url: webUrl('https://ingest.example/v1/events').describe('Where batches are posted to.'),
    format: z
      .enum(['ndjson', 'json', 'cloudevents'])
      .default('ndjson')
      .describe(
        'Body of a request. ndjson: a line of JSON for each message. json: an array of the same objects. cloudevents: a batch of CloudEvents 1.0.',
      ),
    eventType: z
      .string()
      .regex(/^[\x21-\x7e]{1,256}$/, 'expected 1 to 256 printable characters without spaces')
      .default('message.received')
      .describe('Attribute "type" of CloudEvents.'),
    headers: z
      .record(fieldName, z.string().refine(isFieldValue, { error: 'expected a header value' }))
      .default({})
      .describe('Further header fields of every request.')
      .meta({ examples: [{ 'X-Site': 'plant-3' }] }),
    headerFiles: z
      .record(fieldName, file)
      .default({})
      .describe(
        'Further header fields whose values are in files, for secrets: the name of the field, and the path of the file.',
      )
      .meta({ examples: [{ 'X-Api-Key': '/run/secrets/api-key' }] }),
    auth: authOption.optional(),
    maxBodyBytes: size({ min: '64KiB', max: '64MiB', example: '4MiB' })
      .prefault('4MiB')
      .describe(
        'Maximum length of a body before compression. A larger batch is sent in several requests; one message that is larger is sent alone.',
      ),
    ...postFields,
  })
  .refine(({ url, tls }) => tls === undefined || url.startsWith('http:') !== true, {
    path: ['url'],
    error: 'must be https:// if tls is set',
  })
  .refine(({ headers, headerFiles }) => !hasSameName(headers, headerFiles), {
    path: ['headerFiles'],
    error: 'must have no field that headers has too',
  })
  .describe('POST of batches to any HTTP service.')

function hasSameName(one: object, other: object): boolean {
  const names = new Set(Object.keys(one).map((name) => name.toLowerCase()))
  return Object.keys(other).some((name) => names.has(name.toLowerCase()))
}

export type HttpDestinationOptions = z.output<typeof httpOptions>
