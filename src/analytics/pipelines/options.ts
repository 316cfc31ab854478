/** What pipelines use besides messages: functions, the device registry, device shadows. */
import * as z from 'zod'
import { awsFields } from '../../destinations/aws/options.ts'
import { file } from '../../named-files/tls-options.ts'
import { duration, size } from '../../unit-options.ts'

/** As AWS names functions in `lambdaName`. */
const functionName = z
  .string()
  .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ -')
const variableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable')

const functionOptions = z
  .strictObject({
    module: file
      .optional()
      .describe('JavaScript module that exports the function.')
      .meta({ examples: ['functions/decode.mjs'] }),
    handler: z
      .string()
      .min(1)
      .optional()
      .describe('Name of the export that is called. Default: handler.'),
    command: z
      .tuple([z.string().min(1)], z.string())
      .optional()
      .describe(
        'Program and its arguments, in place of a module. It gets a line of JSON for each call, an array of messages, and answers with a line of JSON.',
      )
      .meta({ examples: [['python3', 'functions/decode.py']] }),
    timeout: duration({ min: '100ms', max: '15m', example: '30s' })
      .prefault('5m')
      .describe('Maximum time for one call. Then its process is ended, and the messages fail.'),
    environment: z
      .record(variableName, z.string().max(32_768))
      .default({})
      .describe(
        'Environment variables, besides PATH and TZ. The function gets none of the connector’s own.',
      ),
  })
  .refine(({ module, command }) => (module === undefined) !== (command === undefined), {
    error: 'set either module or command',
  })
  .refine(({ handler, command }) => handler === undefined || command === undefined, {
    path: ['handler'],
    error: 'applies to a module alone',
  })

function thingsOptions(what: string, endpoint: string) {
  const { tls, proxy, credentials, ...fields } = awsFields(`Where to ask. Default: ${endpoint}.`)
  const aws = z
    .strictObject({
      region: z
        .string()
        .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a Region such as us-west-2')
        .describe('Region of the things.'),
      endpoint: fields.endpoint,
      credentials,
      tls,
      proxy,
      timeout: duration({ min: '100ms', max: '20s', example: '5s' })
        .prefault('5s')
        .describe('Maximum time for one attempt of a lookup, including the time to connect.'),
      maxAge: duration({ min: '1s', max: '1d', example: '1m' })
        .prefault('1m')
        .describe(
          'How long an answer counts. While AWS cannot be reached, an older one does, and messages of things without an answer wait.',
        ),
    })
    .optional()
    .describe('Asks AWS IoT.')
  return z
    .strictObject({
      file: file
        .optional()
        .describe(
          `JSON file with ${what}: an object with a member for each thing, an array or lines of things with thingName, or the answer of aws iot list-things. It is read again when it changes.`,
        ),
      aws,
    })
    .refine((given) => (given.file === undefined) !== (given.aws === undefined), {
      error: 'set either file or aws',
    })
    .optional()
}

export const pipelinesOptions = z
  .strictObject({
    functions: z
      .record(functionName, functionOptions)
      .default({})
      .describe(
        'Functions that lambda activities call, by their lambdaName. Each runs in a process of its own.',
      ),
    registry: thingsOptions(
      'what the device registry knows of things',
      'iot.<region>.amazonaws.com',
    ).describe('Where deviceRegistryEnrich looks things up.'),
    shadows: thingsOptions('the shadows of things', 'data-ats.iot.<region>.amazonaws.com').describe(
      'Where deviceShadowEnrich looks shadows up.',
    ),
    interval: duration({ min: '1s', max: '1d', example: '60s' })
      .prefault('60s')
      .describe(
        'How long messages wait for others before a pipeline runs on them. It runs at once if 50,000 wait, and before the content of a dataset is made.',
      ),
    maxBytes: size({ min: '16MiB', example: '4GiB' })
      .prefault('4GiB')
      .describe(
        'Maximum bytes of the files of all datastores together, besides storage.maxBytes. The oldest day is removed first; if the files of today alone reach it, pipelines wait until the next day.',
      ),
    maxFailureBytes: size({ min: '1MiB', max: '256MiB', example: '16MiB' })
      .prefault('16MiB')
      .describe(
        'Maximum bytes on disk of the messages that a pipeline could not process, for each pipeline. The oldest are removed first. The messages stay in their channel all the same.',
      ),
  })
  .describe('What the activities of pipelines use besides messages.')

export type PipelinesOptions = z.output<typeof pipelinesOptions>
