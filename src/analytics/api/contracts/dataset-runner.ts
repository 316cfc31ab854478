/** What makes the content of datasets. All times are milliseconds since 1970. */

/** A version is an id, `$LATEST` or `$LATEST_SUCCEEDED`. */
export interface DatasetRunner {
  /** Begins to make content. Resolves with the version's id. */
  createContent(dataset: string, versionId: string | undefined): Promise<string>
  /** Undefined if there is no such version. */
  content(dataset: string, version: string): Promise<DatasetContent | undefined>
  /** All versions, the newest first. */
  contents(dataset: string): Promise<readonly DatasetVersion[]>
  /** False if there is no such version. */
  deleteContent(dataset: string, version: string): Promise<boolean>
  /** The dataset was deleted; its contents are not needed any more. */
  removed(dataset: string): Promise<void>
}

export interface DatasetStatus {
  readonly state: 'CREATING' | 'SUCCEEDED' | 'FAILED'
  readonly reason?: string
}

export interface DatasetContent {
  readonly entries: readonly { readonly entryName: string; readonly dataURI: string }[]
  readonly createdAt: number
  readonly status: DatasetStatus
}

export interface DatasetVersion {
  readonly version: string
  readonly status: DatasetStatus
  readonly createdAt: number
  readonly scheduledAt: number
  readonly completedAt: number | undefined
}
