/** What the rules of a dataset ask for, once a version has content. */
import { asConnectorError } from '../../../errors.ts'
import { type DatasetDefinition, isSqlDataset } from '../../resources/dataset-definition.ts'
import type { DatasetsOptions } from '../options.ts'
import type { DeliveryRecord, DeliveryTarget, VersionRecord } from '../versions/version-record.ts'
import { objectKey, pathInFolder } from './object-key.ts'

type Places = Pick<DatasetsOptions, 'buckets' | 'inputs'>
type Rule = NonNullable<DatasetDefinition['contentDeliveryRules']>[number]

export function plannedDeliveries(
  definition: DatasetDefinition,
  version: VersionRecord,
  places: Places,
): DeliveryRecord[] {
  const { contentDeliveryRules = [] } = definition
  return contentDeliveryRules.map((rule) => {
    const entry = entryOf(rule, version, isSqlDataset(definition))
    return { entry, attempts: 0, ...planned(rule, version, places, entry) }
  })
}

function planned(
  { entryName, destination }: Rule,
  version: VersionRecord,
  places: Places,
  entry: number | undefined,
): Pick<DeliveryRecord, 'target' | 'state' | 'reason'> {
  const { s3DestinationConfiguration: s3, iotEventsDestinationConfiguration: events } = destination
  const target: DeliveryTarget =
    s3 === undefined ? { inputName: events?.inputName ?? '' } : { bucket: s3.bucket, key: s3.key }
  const missing = missingSetting(target, places)
  if (missing !== undefined) return { target, state: 'NOT_CONFIGURED', reason: missing }
  if (entry === undefined) {
    const reason = `entryName ${JSON.stringify(entryName)} names none of the ${version.entries.length} entries`
    return { target, state: 'FAILED', reason }
  }
  if (!('bucket' in target)) return { target, state: 'WAITING' }
  try {
    const key = objectKey(target.key, version)
    if (places.buckets[target.bucket]?.folder !== undefined) pathInFolder(key)
    return { target: { ...target, key }, state: 'WAITING' }
  } catch (thrown) {
    const { message } = asConnectorError(thrown, 'InvalidDataset', 'the key')
    return { target, state: 'FAILED', reason: message }
  }
}

/** Undefined if there is a place for it. */
function missingSetting(target: DeliveryTarget, { buckets, inputs }: Places): string | undefined {
  if ('bucket' in target) {
    if (Object.hasOwn(buckets, target.bucket)) return undefined
    return `the setting analytics.datasets.buckets says nothing about ${target.bucket}`
  }
  if (Object.hasOwn(inputs, target.inputName)) return undefined
  return `the setting analytics.datasets.inputs says nothing about ${target.inputName}`
}

/** SQL has one entry, whatever a rule calls it. */
function entryOf(
  { entryName }: Rule,
  { entries }: VersionRecord,
  isSql: boolean,
): number | undefined {
  if (isSql || (entryName === undefined && entries.length === 1))
    return entries.length > 0 ? 0 : undefined
  const index = entries.findIndex(({ name }) => name === entryName)
  return index === -1 ? undefined : index
}
