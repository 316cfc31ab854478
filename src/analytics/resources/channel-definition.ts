/** What defines a channel. Where S3 is to keep it is stored, and not acted on. */
import type * as z from 'zod'
import { tagList } from './tags.ts'
import {
  bucket,
  keyPrefix,
  members,
  oneMember,
  resourceName,
  retentionPeriod,
  roleArn,
} from './values.ts'

export const customerManagedS3 = members({ bucket, keyPrefix: keyPrefix.optional(), roleArn })

const channelStorage = oneMember({ serviceManagedS3: members({}), customerManagedS3 })

const settings = {
  channelStorage: channelStorage.optional(),
  retentionPeriod: retentionPeriod.optional(),
}

export const channelUpdate = members(settings)
export const channelDefinition = members({
  channelStorage: channelStorage.default({ serviceManagedS3: {} }),
  retentionPeriod: retentionPeriod.default({ unlimited: true }),
})
export const newChannel = members({
  channelName: resourceName,
  ...channelDefinition.shape,
  tags: tagList.optional(),
})

export type ChannelDefinition = z.infer<typeof channelDefinition>
