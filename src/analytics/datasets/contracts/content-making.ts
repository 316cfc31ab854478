/** What an action is asked to make, and what it has made. */
import type { DatasetDefinition } from '../../resources/dataset-definition.ts'
import type { DatasetVersions } from '../versions/dataset-versions.ts'
import type { ContentEntry, TimeWindow, VersionRecord } from '../versions/version-record.ts'

export interface MakingOf {
  readonly definition: DatasetDefinition
  /** When the dataset was created. */
  readonly since: number
  readonly versions: DatasetVersions
  readonly record: VersionRecord
  readonly signal: AbortSignal
}

export interface MadeContent {
  readonly entries: ContentEntry[]
  /** Of a delta dataset. */
  readonly window?: TimeWindow | undefined
  readonly arrivedUntil?: number | undefined
}
