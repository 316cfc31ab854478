/** `GET config`: every setting in effect, and where it was set. */
import * as z from 'zod'

export const setting = z.strictObject({
  /** `storage.maxBytes`, `destinations[0].s3.bucket` */
  path: z.string(),
  /** The parts of the path: `["destinations", 0, "s3", "bucket"]`. A name may have dots. */
  keys: z.array(z.union([z.string(), z.int()])),
  /** Secrets are `********`. */
  value: z.unknown(),
  /** `default`, `connector.yaml:12`, `IOT_ANALYTICS_CONNECTOR__HTTP__PORT`, `--http-port`, … */
  from: z.string(),
  isDefault: z.boolean(),
  /** From the schema; null where it has none. */
  description: z.string().nullable(),
})
export type Setting = z.infer<typeof setting>

export const settings = z.strictObject({
  /** Files that were read, in order. */
  files: z.array(z.string()),
  settings: z.array(setting),
})
export type Settings = z.infer<typeof settings>
