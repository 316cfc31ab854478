/** What defines a datastore: where it is kept, the form of its files, and its partitions. */
import type * as z from 'zod'
import { customerManagedS3 } from './channel-definition.ts'
import { tagList } from './tags.ts'
import {
  bucket,
  keyPrefix,
  listOf,
  members,
  oneMember,
  plainName,
  resourceName,
  retentionPeriod,
  text,
} from './values.ts'

const MAX_COLUMNS = 100
const MAX_PARTITIONS = 25

const datastoreStorage = oneMember({
  serviceManagedS3: members({}),
  customerManagedS3,
  iotSiteWiseMultiLayerStorage: members({
    customerManagedS3Storage: members({ bucket, keyPrefix: keyPrefix.optional() }),
  }),
})

const column = members({
  // The published pattern excludes names such as a_b, which the guide allows.
  name: text({
    max: 255,
    pattern: /^(?!__)[A-Za-z_][A-Za-z0-9_]*$/,
    like: 'of A-Z a-z 0-9 _ that begin with a letter or one underscore',
  }),
  type: text({ max: 131_072, pattern: /^[^\p{Cc}\p{Cs}]*$/u, like: 'without control characters' }),
})

const columns = listOf(column, 0, MAX_COLUMNS).refine(
  (list) => isDistinct(list.map(({ name }) => name.toLowerCase())),
  'expected names that differ by more than case',
)

const fileFormatConfiguration = oneMember({
  jsonConfiguration: members({}),
  parquetConfiguration: members({
    schemaDefinition: members({ columns: columns.optional() }).optional(),
  }),
})

const attributeName = plainName
const timestampFormat = text({
  max: 50,
  pattern: /^[a-zA-Z0-9\s[\]_,.'/:-]*$/,
  like: "of A-Z a-z 0-9 [ ] _ , . ' / : - and white space",
})

const partition = oneMember({
  attributePartition: members({ attributeName }),
  timestampPartition: members({ attributeName, timestampFormat: timestampFormat.optional() }),
})

const datastorePartitions = members({
  partitions: listOf(partition, 0, MAX_PARTITIONS)
    .refine(
      (list) => list.filter((one) => one.timestampPartition !== undefined).length <= 1,
      'expected at most one timestampPartition',
    )
    .optional(),
})

export const datastoreUpdate = members({
  datastoreStorage: datastoreStorage.optional(),
  retentionPeriod: retentionPeriod.optional(),
  fileFormatConfiguration: fileFormatConfiguration.optional(),
})
export const datastoreDefinition = members({
  datastoreStorage: datastoreStorage.default({ serviceManagedS3: {} }),
  retentionPeriod: retentionPeriod.default({ unlimited: true }),
  fileFormatConfiguration: fileFormatConfiguration.default({ jsonConfiguration: {} }),
  datastorePartitions: datastorePartitions.optional(),
})
export const newDatastore = members({
  datastoreName: resourceName,
  ...datastoreDefinition.shape,
  tags: tagList.optional(),
})

export type DatastoreDefinition = z.infer<typeof datastoreDefinition>

function isDistinct(names: readonly string[]): boolean {
  return new Set(names).size === names.length
}
