import * as z from 'zod'
import { file } from '../named-files/tls-options.ts'

const credential = z
  .strictObject({
    accessKeyId: z
      .string()
      .regex(/^[A-Za-z0-9_]{4,128}$/, 'expected 4 to 128 of A-Z a-z 0-9 _')
      .describe('Name of the key. Give each sender its own.'),
    secretAccessKey: z
      .string()
      .min(16)
      .max(1_024)
      .optional()
      .describe('Secret, 16 characters or more. Prefer secretAccessKeyFile.'),
    secretAccessKeyFile: file
      .optional()
      .describe('File with the secret on one line. Changes take effect immediately.'),
  })
  .refine(
    ({ secretAccessKey, secretAccessKeyFile }) =>
      (secretAccessKey === undefined) !== (secretAccessKeyFile === undefined),
    { error: 'set either secretAccessKey or secretAccessKeyFile' },
  )

/** Keys that requests must be signed with; none by default. */
export const credentialsOptions = z.array(credential).max(1_000).default([])

export type Credentials = z.infer<typeof credentialsOptions>
