import * as z from 'zod'
import { credentialsOptions } from '../../aws-server/credential-options.ts'
import { size } from '../../unit-options.ts'

const PATTERN = 'expected 1 to 128 of A-Z a-z 0-9 _ *'

/** BatchPutMessage on the HTTP port: other connectors, AWS SDKs and the AWS CLI send to it. */
export const batchPutMessageOptions = z
  .strictObject({
    credentials: credentialsOptions.describe(
      'Keys that requests must be signed with (Signature Version 4). Default: none; then the port’s own rules decide who may send: loopback, http.token, client certificates.',
    ),
    channels: z
      .array(z.string().regex(/^[A-Za-z0-9_*]{1,128}$/, PATTERN))
      .min(1)
      .max(1_000)
      .optional()
      .describe(
        'Channels that may be sent to. `*` stands for any text. For others the answer is ResourceNotFoundException. Default: all.',
      )
      .meta({ examples: [['press_*']] }),
    maxBodyBytes: size({ min: '256KiB', max: '20MiB', example: '4MiB' })
      .prefault('20MiB')
      .describe(
        'Maximum size of a request. All requests that are being read have 32 MiB together; others are asked to come again.',
      ),
  })
  .describe(
    'Takes BatchPutMessage, the API of AWS IoT Analytics, at POST /messages/batch of the HTTP port. It answers when the messages are on disk.',
  )

export type BatchPutMessageOptions = z.infer<typeof batchPutMessageOptions>
