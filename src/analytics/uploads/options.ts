import * as z from 'zod'
import { isTlsUsed, TLS_UNUSED } from '../../destinations/aws/options.ts'
import {
  ENDPOINT_WITH_PATH,
  hasBareEndpoint,
  s3Access,
  s3Place,
} from '../../destinations/s3/options.ts'

/** The Parquet files of channels in Amazon S3, as they are. */
export const uploadOptions = z
  .strictObject({ ...s3Place, ...s3Access })
  .refine(isTlsUsed, TLS_UNUSED)
  .refine(hasBareEndpoint, ENDPOINT_WITH_PATH)
  .describe(
    'Uploads the Parquet files to Amazon S3 or an S3-compatible service: those of a day when it is over, large ones before. A file is kept until it was uploaded, unless maxBytes is reached.',
  )

export type UploadOptions = z.output<typeof uploadOptions>
